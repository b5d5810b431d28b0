import type { Command } from 'commander';

type Flags = { json?: boolean; probe?: boolean };

/** A server that hangs may hold a connection open beyond its probe: the answer is given, so it is not waited for. */
const LINGER_MS = 500;

export function doctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('look at everything that bots need: servers, engine, filter, images; say what to mend')
    .option('--probe', 'start a bot that tries what no bot may, and say what held (a minute at most)')
    .option('--json', 'as JSON')
    .action(async (_flags: Flags, command: Command) => {
      const flags = command.optsWithGlobals<Flags & Record<string, unknown>>();
      if (flags.probe === true) return await tryBreakingOut(flags);
      // Loaded only now, so that the other commands answer sooner.
      const [{ examine }, { exitCodeOf, worstOf }, { doctorTable }] = await Promise.all([
        import('../doctor/doctor.ts'),
        import('../doctor/check.ts'),
        import('../doctor/table.ts'),
      ]);
      const { checks, cis } = await examine(flags);
      const { isTTY } = process.stdout;
      console.log(
        flags.json === true
          ? JSON.stringify({ status: worstOf(checks), checks, cis }, null, 2)
          : doctorTable(checks, cis, isTTY && process.stdout.hasColors()),
      );
      process.exitCode = exitCodeOf(checks);
      setTimeout(() => process.exit(), LINGER_MS).unref();
    });
}

async function tryBreakingOut(flags: Flags & Record<string, unknown>): Promise<void> {
  const [{ probeOnce }, { probeExitCode }, { probeTable }, { worstOutcome }] = await Promise.all([
    import('../doctor/probe/once.ts'),
    import('../doctor/probe/judge.ts'),
    import('../doctor/probe/table.ts'),
    import('../doctor/probe/row.ts'),
  ]);
  const { rows, tookMs } = await probeOnce(flags);
  const { isTTY } = process.stdout;
  console.log(
    flags.json === true
      ? JSON.stringify({ status: worstOutcome(rows), tookMs: Math.round(tookMs), rows }, null, 2)
      : probeTable(rows, tookMs, isTTY && process.stdout.hasColors()),
  );
  process.exitCode = probeExitCode(rows);
}
