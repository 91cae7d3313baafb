import type { DataPlane, DataPlaneAnswer } from '../../shared/rotation/ports';
import { type Fake, interference } from './interference';
import { type ServiceData, VaultTrouble } from './service-data';

interface EncryptedDataPlaneExtra {
  /** What each host has, by its name. */
  readonly hosts: Map<string, ServiceData>;
}

/** The data planes of hubs and DPS whose records are really encrypted: what they answer is what their key allows. */
export function encryptedDataPlane(effects: string[] = []): Fake<DataPlane, EncryptedDataPlaneExtra> {
  const { interfere, run } = interference<DataPlane>(effects);
  const hosts = new Map<string, ServiceData>();
  const read = (hostName: string, id: string): DataPlaneAnswer => {
    const data = hosts.get(hostName);
    if (data === undefined) return { answer: 'unknown', message: `${hostName} could not be reached.` };
    try {
      if (data.read(id) !== null) return { answer: 'opened', message: `${hostName} opened ${id}.` };
      return { answer: 'not-found', message: `${hostName} answered 404 for ${id}.` };
    } catch (error) {
      if (!(error instanceof VaultTrouble)) throw error;
      const message = `${hostName} answered ${error.passing ? 503 : 403} for ${id}: ${error.message}`;
      return { answer: error.passing ? 'unknown' : 'unreadable', message };
    }
  };
  return {
    interfere,
    hosts,
    readTwin: (hostName, id) => run('readTwin', id, () => read(hostName, id)),
    readEnrollment: (hostName, id) => run('readEnrollment', id, () => read(hostName, id)),
  };
}
