import type { Explanation } from '../../../proto/gen/the0/runtime/v1/bots_pb.js';
import { msOf } from '../data/rows.ts';
import { AnsiText } from './ansi-text.tsx';
import { Mark } from './mark.tsx';
import { Marked } from './marked.tsx';
import { Section } from './panel.tsx';
import { Time } from './time.tsx';
import { HEALTH_LOOKS } from './words.ts';

/** Why something is as it is: the verdict, what to do, and the chain that led to it. */
export function ExplanationView({ explanation }: { explanation: Explanation }) {
  const { verdict, health, steps, next, nextAt, cures, unknown } = explanation;
  const look = HEALTH_LOOKS[health];
  return (
    <Section title="Why" class={`why tone-${look.tone}`}>
      <p class="verdict">
        <Mark look={look} /> <Marked text={verdict} />
      </p>
      {next === '' ? null : (
        <p>
          <strong>Next:</strong> <Marked text={next} />{' '}
          {nextAt === undefined ? null : (
            <>
              <span class="soft">
                (<Time ms={msOf(nextAt)} /> by your clocks)
              </span>
            </>
          )}
        </p>
      )}
      {cures.length === 0 ? null : (
        <ul class="cures">
          {cures.map((cure) => (
            <li key={cure}>
              <Marked text={cure} />
            </li>
          ))}
        </ul>
      )}
      {unknown.map((what) => (
        <p key={what} class="soft">
          Could not be looked at: <Marked text={what} />
        </p>
      ))}
      <details class="chain">
        <summary>How it came to this, step by step</summary>
        <ol>
          {steps.map(({ kind, text, at, obstacle, lines }, index) => (
            <li key={index} class={obstacle ? 'obstacle' : ''}>
              <span class="chain-kind">{kind}</span>
              <div>
                <Marked text={text} />{' '}
                <span class="soft">
                  <Time ms={msOf(at)} none="" />
                </span>
                {obstacle ? <strong class="tone-trouble"> Held up here.</strong> : null}
                {lines.length === 0 ? null : (
                  <pre class="code" tabIndex={0}>
                    {lines.map((line, row) => (
                      <div key={row}>
                        <AnsiText text={line} />
                      </div>
                    ))}
                  </pre>
                )}
              </div>
            </li>
          ))}
        </ol>
      </details>
    </Section>
  );
}
