import { fakeAuditLog } from '../fakes/audit-log';
import { describeAuditLogContract } from './audit-log.contract';

describeAuditLogContract('the fake', async () => fakeAuditLog());
