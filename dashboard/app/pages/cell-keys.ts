const STEPS: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** One cell can be reached by Tab; arrows, Home and End go on from there. */
export function moveAmongCells(event: KeyboardEvent): void {
  const box = event.currentTarget;
  if (!(box instanceof HTMLElement) || !(event.target instanceof HTMLElement)) return;
  const cells = [...box.querySelectorAll<HTMLElement>('a.cell')];
  const at = cells.indexOf(event.target);
  const step = STEPS[event.key];
  const to =
    event.key === 'Home'
      ? 0
      : event.key === 'End'
        ? cells.length - 1
        : step === undefined
          ? undefined
          : at + step;
  const cell = to === undefined || at < 0 ? undefined : cells[to];
  if (cell === undefined) return;
  event.preventDefault();
  event.target.tabIndex = -1;
  cell.tabIndex = 0;
  cell.focus();
}
