import { describe, expect, it } from 'vitest';
import { checkEntryPoint, normalizePath } from './entry-check.ts';
import { EntryPointMissing } from './errors.ts';
import type { ManifestEntry } from './tree.ts';

const file = (path: string): ManifestEntry => ({ path, directory: false, executable: false });
const folder = (path: string): ManifestEntry => ({ path, directory: true, executable: false });
const manifest = [
  folder('src'),
  file('src/main.py'),
  file('src/strategy.py'),
  file('README.md'),
  folder('target'),
  folder('target/release'),
  file('target/release/my-bot'),
];

function refusal(entryPoint: string): string {
  try {
    checkEntryPoint(manifest, entryPoint, 'bot');
  } catch (error) {
    expect(error).toBeInstanceOf(EntryPointMissing);
    expect(error).toMatchObject({ code: 'entrypoint_missing', retryable: false });
    return (error as Error).message;
  }
  throw new Error(`${entryPoint} was accepted`);
}

describe('checkEntryPoint', () => {
  it.each(['src/main.py', './src/main.py', 'src//main.py', 'src/../src/main.py'])('finds %s', (path) => {
    expect(checkEntryPoint(manifest, path, 'bot')).toBe('src/main.py');
  });

  it('names the field and the value, and what may be meant: another folder, another case, a typo', () => {
    expect(refusal('main.py')).toBe(
      'entrypoints.bot="main.py": the code archive holds no such file; did you mean "src/main.py"?',
    );
    expect(refusal('SRC/Main.py')).toMatch(/did you mean "src\/main\.py"/);
    expect(refusal('src/mian.py')).toMatch(/did you mean "src\/main\.py"/);
    expect(refusal('target/release/my_bot')).toMatch(/did you mean "target\/release\/my-bot"/);
  });

  it('says what the archive holds where nothing is near', () => {
    expect(refusal('com.example.Nothing')).toMatch(/it holds "src\/", "README\.md", "target\/"/);
  });

  it('refuses a folder, and offers what it holds', () => {
    expect(refusal('target/release')).toMatch(
      /is a folder of the code archive, not a file; did you mean "target\/release\/my-bot"/,
    );
    expect(refusal('.')).toMatch(/is a folder/);
  });

  it.each(['', '  '])('refuses %j as empty', (path) => expect(refusal(path)).toMatch(/it is empty/));
  it.each(['/etc/passwd', '../outside', 'a/../../b'])('refuses %s as leading outside', (path) =>
    expect(refusal(path)).toMatch(/leads out/),
  );
  it('shows a hostile name safely', () => expect(refusal('a\u001b[2J\nb')).not.toMatch(/[\u0000-\u001f]/));
  it('answers at once although the archive is large', () => {
    const large = Array.from({ length: 50_000 }, (_, index) =>
      file(`node_modules/package-${index % 500}/lib/module-${index}.js`),
    );
    const started = performance.now();
    expect(() => checkEntryPoint(large, 'node_modules/package-1/lib/modul-1.js', 'bot')).toThrow(
      EntryPointMissing,
    );
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe('normalizePath', () => {
  it.each([
    ['a/b', 'a/b'],
    ['./a', 'a'],
    ['a/', 'a'],
    ['a/../b', 'b'],
    ['..a/b', '..a/b'],
    ['../a', undefined],
    ['/a', undefined],
  ])('%j becomes %j', (path, expected) => expect(normalizePath(path)).toBe(expected));
});
