/** What the checks of the documentation read of a Markdown text. */

export type Fence = { language: string; text: string };

const FENCE = /^( *)(`{3,})([^\n`]*)\n([\s\S]*?)^\1\2 *$/gm;

export const fencesOf = (text: string): Fence[] =>
  [...text.matchAll(FENCE)].map(([, , , language = '', body = '']) => ({
    language: language.trim(),
    text: body,
  }));

/** Without what stands in fences, in which nothing is Markdown. */
export const proseOf = (text: string): string => text.replaceAll(FENCE, '');

/** Inline code. In tables a bar is escaped, which is not part of what is meant. */
export const spansOf = (text: string): string[] =>
  [...proseOf(text).matchAll(/(?<!`)`([^`\n]+)`(?!`)/g)].map(([, span = '']) => span.replaceAll('\\|', '|'));

/** Targets of links and images. */
export const linksOf = (text: string): string[] =>
  [
    ...proseOf(text)
      .replaceAll(/`[^`\n]+`/g, '`code`')
      .matchAll(/\]\(([^)\s]+)(?: "[^"]*")?\)/g),
  ].map(([, target = '']) => target);

/** What headings can be linked by, as GitHub makes them. */
export function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, title = ''] of proseOf(text).matchAll(/^#{1,6} +(.+?) *$/gm)) {
    const plain = title.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = plain.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(/\s/g, '-');
    let [name, count] = [slug, 0];
    while (anchors.has(name)) name = `${slug}-${++count}`;
    anchors.add(name);
  }
  return anchors;
}

/** The part below a heading, up to the next one of its rank. Throws where there is none. */
export function sectionOf(text: string, title: string): string {
  const begin = [...text.matchAll(/^(#{1,6}) (.+)$/gm)].find(([, , heading]) => heading === title);
  if (begin === undefined) throw new Error(`There is no heading ${JSON.stringify(title)}`);
  const rest = text.slice(begin.index + begin[0].length);
  const end = new RegExp(`^#{1,${begin[1]?.length ?? 1}} `, 'm').exec(rest);
  return rest.slice(0, end?.index);
}

/** Inline code in the first cells of a text's tables. */
export const firstColumnOf = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => /^\| *`/.test(line))
    .flatMap((line) => spansOf(line.split(/(?<!\\)\|/)[1] ?? ''));
