// For health checks of containers: ends with 0 if /readyz on the given port of this container says so, else with 1.
const port = process.argv[2];
try {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(4_000) });
  if (!response.ok) console.log(await response.text());
  process.exitCode = response.ok ? 0 : 1;
} catch (error) {
  console.log(String(error?.cause ?? error));
  process.exitCode = 1;
}
