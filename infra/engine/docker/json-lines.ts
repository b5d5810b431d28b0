/** Parses a stream of JSON values, one a line. A last line without its end is no value: the stream broke within it. */
export async function* jsonLines<Value>(stream: AsyncIterable<Buffer | string>): AsyncGenerator<Value> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    let end: number;
    while ((end = rest.indexOf('\n')) >= 0) {
      const line = rest.slice(0, end).trim();
      rest = rest.slice(end + 1);
      if (line !== '') yield JSON.parse(line) as Value;
    }
  }
}
