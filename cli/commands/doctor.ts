import type { Command } from 'commander';

type Flags = { json?: boolean };

/** A server that hangs may hold a connection open beyond its probe: the answer is given, so it is not waited for. */
const LINGER_MS = 500;

export function doctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('look at everything that bots need: servers, engine, filter, images; say what to mend')
    .option('--json', 'as JSON')
    .action(async (_flags: Flags, command: Command) => {
      const flags = command.optsWithGlobals<Flags & Record<string, unknown>>();
      // Loaded only now, so that the other commands answer sooner.
      const [{ examine }, { exitCodeOf, worstOf }, { doctorTable }] = await Promise.all([
        import('../doctor/doctor.ts'),
        import('../doctor/check.ts'),
        import('../doctor/table.ts'),
      ]);
      const checks = await examine(flags);
      const { isTTY } = process.stdout;
      console.log(
        flags.json === true
          ? JSON.stringify({ status: worstOf(checks), checks }, null, 2)
          : doctorTable(checks, isTTY && process.stdout.hasColors()),
      );
      process.exitCode = exitCodeOf(checks);
      setTimeout(() => process.exit(), LINGER_MS).unref();
    });
}
