import type { Wire } from './wire';

interface Issued {
  readonly token: string;
  readonly until: number;
}

/** Renewed well before they end, so that no read meets an expired one. */
const RENEW_BEFORE_MILLISECONDS = 60_000;

/** Access tokens of the sandbox's identities, from the local cloud's own token address, kept until they are about to expire. */
export class Tokens {
  readonly #wire: Wire;
  readonly #address: string;
  readonly #issued = new Map<string, Issued>();

  constructor(wire: Wire, address: string) {
    this.#wire = wire;
    this.#address = address;
  }

  /** The `authorization` header of an identity for an audience, e.g. `https://vault.azure.net`. */
  async header(identity: string, audience: string): Promise<Record<string, string>> {
    const name = `${identity} ${audience}`;
    const known = this.#issued.get(name);
    const issued = known !== undefined && known.until > Date.now() ? known : await this.#issue(identity, audience);
    this.#issued.set(name, issued);
    return { authorization: `Bearer ${issued.token}` };
  }

  async #issue(identity: string, audience: string): Promise<Issued> {
    const query = new URLSearchParams({ identity, resource: audience });
    const answer = await this.#wire.ask<{ access_token: string; expires_in: string | number }>(
      `${this.#address}?${query}`,
    );
    return {
      token: answer.access_token,
      until: Date.now() + Number(answer.expires_in) * 1000 - RENEW_BEFORE_MILLISECONDS,
    };
  }
}
