let offsetMs: number | undefined;

/**
 * From now on `Date` is wrong by so much in this process, for everything that asks it: `new Date()`, `Date.now()`, and
 * calling it. To be called before what is to be misled is imported, since that may keep `Date.now`; after that as often as
 * the clock is to jump.
 */
export function shiftDate(byMs: number): void {
  if (offsetMs === undefined) install();
  offsetMs = byMs;
}

function install(): void {
  const Real = Date;
  const now = (): number => Real.now() + (offsetMs ?? 0);
  globalThis.Date = new Proxy(Real, {
    construct: (target, args: unknown[], newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as Date,
    apply: () => new Real(now()).toString(),
    get: (target, key, receiver) => (key === 'now' ? now : (Reflect.get(target, key, receiver) as unknown)),
  });
}
