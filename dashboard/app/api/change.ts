/** What comes with each call that changes something. Sent twice by a bad connection, it is done once. */
export type ChangeOf = { reason: string; idempotencyKey: string };

export const changeFor = (reason: string): ChangeOf => ({
  reason: reason.trim(),
  idempotencyKey: randomKey(),
});

/** `crypto.randomUUID` is only there where the connection is trusted; an installation's plain HTTP is not. */
function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
