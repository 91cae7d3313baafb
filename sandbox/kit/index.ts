export type { CloudEvent } from './bus';
export { SandboxClock } from './clock';
export { type CloudContext, type ContextOptions, createContext } from './context';
export { readFileIfThere, replaceFile } from './durable-file';
export { FaultBook, type FaultEffect, type FaultRule } from './faults';
export { InFlight } from './in-flight';
export { Permissions, type RoleAssignment } from './permissions';
export { type LoggedRequest, RequestLog } from './request-log';
export { type Role, roleByName } from './roles';
export {
  type ServerOptions,
  type StandInRequest,
  type StandInResponse,
  type StandInServer,
  startServer,
} from './server';
export { type Certificates, ensureCertificates } from './tls';
export { type Identity, TokenAuthority } from './tokens';
