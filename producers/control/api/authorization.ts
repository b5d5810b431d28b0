import type { Interceptor } from '@connectrpc/connect';
import { mayAct } from '../../../model/access.ts';
import type { Audit } from '../changes/audit.ts';
import { PermissionDenied } from '../errors.ts';
import { callerKey } from './caller.ts';
import { changeOf, isChange } from './change-request.ts';
import { actOf } from './changes.ts';
import { isOpen, leastRole, methodName } from './method-roles.ts';

/** Who may not is refused, and a change that was refused is on record. */
export function authorization({ audit }: { audit: Audit }): Interceptor {
  return (next) => async (request) => {
    if (isOpen(request.method)) return next(request);
    const caller = request.contextValues.get(callerKey);
    const least = leastRole(request.method);
    if (least !== undefined && mayAct(caller.role, least)) return next(request);
    const error = new PermissionDenied(
      `${caller.name} is ${caller.role}, and ${methodName(request.method)} needs ${least ?? 'a role that nobody has'}`,
      'ask somebody who may, or an admin for another token',
    );
    if (!request.stream && isChange(request.method.input)) {
      const why = changeOf(request.message)?.reason ?? '';
      await audit.refused(actOf(request, caller, why), { outcome: error.code, message: error.message });
    }
    throw error;
  };
}
