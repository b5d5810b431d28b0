import { toJson, type JsonObject } from '@bufbuild/protobuf';
import { durationMs, ValueSchema } from '@bufbuild/protobuf/wkt';
import { useState } from 'preact/hooks';
import type { QueryResponse } from '../../../proto/gen/the0/runtime/v1/queries_pb.js';
import { queries } from '../api/clients.ts';
import { problemOf, type Problem } from '../api/problem.ts';
import { INFO_PATH, pathsOf } from '../data/query-paths.ts';
import { refusedBecause } from '../api/session.ts';
import { lasting } from '../parts/format.ts';
import { Section, Trouble } from '../parts/panel.tsx';

/** Asks a bot's query program. */
export function QueryTab({ id }: { id: string }) {
  const [path, setPath] = useState('/');
  const [params, setParams] = useState('{}');
  const [isBusy, setBusy] = useState(false);
  const [answer, setAnswer] = useState<QueryResponse>();
  const [problem, setProblem] = useState<Problem>();
  const [paths, setPaths] = useState<readonly string[]>();
  const refused = refusedBecause('operator');
  const wrong = wrongParams(params);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (isBusy || refused !== undefined || wrong !== undefined) return;
    setBusy(true);
    setProblem(undefined);
    try {
      setAnswer(await queries.query({ id, path, params: JSON.parse(params) as JsonObject }));
    } catch (error) {
      setAnswer(undefined);
      setProblem(problemOf(error));
    } finally {
      setBusy(false);
    }
    // After the first question and not before: each one costs the bot a moment.
    if (paths === undefined) setPaths(await knownPaths(id));
  };
  return (
    <div class="columns">
      <Section title="Question">
        <form class="query" onSubmit={(event) => void submit(event)}>
          <label class="field">
            Path
            <input
              value={path}
              required
              spellcheck={false}
              onInput={(event) => setPath(event.currentTarget.value)}
            />
            <small>As its query program knows it, such as /portfolio.</small>
          </label>
          {paths === undefined || paths.length === 0 ? null : (
            <div class="chips" role="group" aria-label="Queries that it knows">
              {paths.map((each) => (
                <button
                  key={each}
                  type="button"
                  class="chip mono"
                  aria-pressed={each === path}
                  onClick={() => setPath(each)}
                >
                  {each}
                </button>
              ))}
            </div>
          )}
          <label class="field">
            Parameters
            <textarea
              class="mono"
              rows={5}
              value={params}
              spellcheck={false}
              aria-invalid={wrong !== undefined}
              onInput={(event) => setParams(event.currentTarget.value)}
            />
            <small>{wrong ?? 'An object of JSON.'}</small>
          </label>
          <button
            type="submit"
            class="button primary"
            aria-disabled={refused !== undefined || isBusy || wrong !== undefined}
            title={refused}
          >
            {isBusy ? 'Asking …' : 'Ask'}
          </button>
          {refused === undefined ? null : <p class="soft">{refused}.</p>}
        </form>
      </Section>
      <Section
        title="Answer"
        aside={
          answer?.took === undefined ? undefined : (
            <span class="soft">{lasting(durationMs(answer.took))}</span>
          )
        }
      >
        <div role="status">
          {problem === undefined ? null : <Trouble problem={problem} />}
          {answer === undefined ? (
            problem === undefined ? (
              <p class="soft">Nothing was asked yet.</p>
            ) : null
          ) : (
            <pre class="code" tabIndex={0}>
              {answerText(answer)}
            </pre>
          )}
        </div>
      </Section>
    </div>
  );
}

/** What it may be asked; nothing where its program does not tell. */
async function knownPaths(id: string): Promise<string[]> {
  try {
    const { data } = await queries.query({ id, path: INFO_PATH });
    return data === undefined ? [] : pathsOf(toJson(ValueSchema, data));
  } catch {
    return [];
  }
}

/** Numbers that lose digits in JSON come as the text that the program wrote. */
function answerText({ data, exactJson }: QueryResponse): string {
  if (exactJson !== '') return exactJson;
  return data === undefined ? 'null' : JSON.stringify(toJson(ValueSchema, data), null, 2);
}

function wrongParams(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? undefined
      : 'It has to be an object.';
  } catch {
    return 'That is no JSON.';
  }
}
