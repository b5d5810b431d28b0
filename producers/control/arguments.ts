import { InvalidRequest } from './errors.ts';

/** Who asks for something, and why: kept with what is done. */
export type Asker = { who: string; why: string };

const MAX_WHO = 200;
const MAX_WHY = 400;

/** A request id is part of a container's name. */
const REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/** `run now by ann@desk: why`; kept with the run, and shown wherever it is. */
export const causeOf = (act: string, { who, why }: Asker): string =>
  why === '' ? `${act} by ${who}` : `${act} by ${who}: ${why}`;

/** @throws InvalidRequest */
export function checkAsker({ who, why }: Asker): Asker {
  const [name, reason] = [who.trim(), why.trim()];
  if (name === '') throw new InvalidRequest('who', 'Nobody is named', 'say who asks for it');
  tooLong('who', name, MAX_WHO);
  tooLong('why', reason, MAX_WHY);
  return { who: name, why: reason };
}

/** @throws InvalidRequest where there is no reason: others will want to know it. */
export function checkReason(asker: Asker): Asker {
  const checked = checkAsker(asker);
  if (checked.why === '')
    throw new InvalidRequest('why', 'The reason is empty', 'say why, for those who find it so');
  return checked;
}

/** `field`: the argument that it is. @throws InvalidRequest */
export function checkRequestId(requestId: string, field = 'requestId'): string {
  if (!REQUEST_ID.test(requestId) || requestId.includes('..'))
    throw new InvalidRequest(
      field,
      `The request id ${JSON.stringify(requestId.slice(0, 80))} cannot be used`,
      'use 1 to 64 letters, digits, "_", "-" and single dots, the first a letter or digit',
    );
  return requestId;
}

function tooLong(field: string, text: string, most: number): void {
  if (text.length > most)
    throw new InvalidRequest(
      field,
      `It has ${text.length} characters`,
      `say it in ${most} characters at most`,
    );
}
