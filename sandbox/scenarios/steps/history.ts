import type { AuditRecord, AuditVerification } from '../../run/contract';
import type { Stage } from '../../run/stage';

/** `GET /api/audit/verify`. @throws Error unless it is a verdict */
export async function verdictOf(stage: Stage): Promise<AuditVerification> {
  const { status, body } = await stage.http(`/api/audit/verify?key=${encodeURIComponent(stage.key)}`);
  if (status !== 200) throw new Error(`GET /api/audit/verify answered ${status}`);
  return body as AuditVerification;
}

/** The records of an export, oldest first. */
export async function recordsOf(stage: Stage): Promise<readonly AuditRecord[]> {
  const { status, body } = await stage.http(`/api/audit?key=${encodeURIComponent(stage.key)}`);
  if (status !== 200 || typeof body !== 'string') throw new Error(`GET /api/audit answered ${status}`);
  const lines = body.trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line)).filter(({ kind }) => kind === undefined);
}
