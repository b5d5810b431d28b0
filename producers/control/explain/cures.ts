import type { BotStatus } from '../../../model/status.ts';

/** What mends a failure, by its code; most useful first. The reason itself often says the details. */
const CURES: Readonly<Record<string, readonly string[]>> = {
  bad_config: ['Correct its configuration as the reason says, and deploy it again'],
  bad_limits: [
    'Correct the limits in its configuration, or have the operator raise the ceilings (BOT_*_CEILING)',
  ],
  unknown_runtime: [
    'Name one of the runtimes that the reason lists in its bot-config, and deploy a new version',
  ],
  missing_entry_point: ['Name its entry point (entrypoints.bot) in its bot-config, and deploy a new version'],
  bad_entry_point: ['Correct its entry point (entrypoints.bot), and deploy a new version'],
  entrypoint_missing: ['Deploy a version whose archive holds the entry point, or correct entrypoints.bot'],
  no_code: ['Upload its code: deploy a version of it'],
  object_missing: ['Upload the archive under the key that the reason names, or deploy the version again'],
  object_too_large: ['Leave out what it does not need, or have CODE_MAX_ARCHIVE_MB raised'],
  bucket_missing: ['Create the bucket, or correct S3_CODE_BUCKET and its siblings'],
  s3_denied: ['Check S3_ACCESS_KEY, S3_SECRET_KEY and S3_REGION of the processors'],
  s3_unavailable: [
    'See why object storage does not answer ("the0-runtime doctor"); it goes on by itself once it does',
  ],
  egress_unfiltered: [
    'Install the filter of the bots’ network: "the0-runtime egress install", as root on the engine’s host',
    'Or accept that bots reach the host and private networks: ALLOW_UNFILTERED_EGRESS=1',
  ],
  foreign_container: ['Stop the earlier runtime, then remove the container that the reason names'],
  volume_in_use: ['Remove the container that uses its launch volume; it is not ours'],
  engine_unavailable: ['See why the container engine does not answer ("the0-runtime doctor" on its host)'],
  engine_refused: [
    'See what the engine says in the reason; a change of its configuration or limits may be needed',
  ],
  start_refused: [
    'See what the engine says in the reason: often the program or its interpreter cannot be executed',
  ],
  image_missing: ['Build or pull the image that the reason names on the engine’s host ("npm run images")'],
  pull_failed: ['See why the image cannot be pulled: its name (IMAGE_*), the registry, the credentials'],
  spec_refused: ['Correct the setting that the reason names'],
  output_not_saved: [
    'See why object storage takes no logs ("the0-runtime doctor"); its container stays until then',
  ],
  state_too_large: [
    'Raise its limit (config.state_limit, MAX_STATE_SIZE_MB), or have it keep less',
    'Or delete or restore its state',
  ],
  state_unavailable: ['See why its state cannot be had: object storage, or an archive that is being written'],
  bad_state: ['Restore an earlier archive of its state, or delete its state'],
  state_changed: ['Nothing: its state was being changed, and it is tried again'],
  bad_id: ['Delete it, and create it anew with an id of letters, digits, "_", "-" and single dots'],
};

const ARCHIVE_CURE = 'Correct its archive as the reason says, and deploy it again';
const TRY_AGAIN =
  'Start it to have it tried at once, after what is wrong outside of it was mended: it is not tried again by itself';

/** What to do about a bot that does not come up. */
export function curesOf(
  status: Pick<BotStatus, 'failureCode' | 'permanent' | 'phase' | 'lastExit'>,
): string[] {
  const { failureCode, permanent, phase, lastExit } = status;
  const cures = [
    ...(phase === 'backing-off' ? crashCures(lastExit) : (CURES[failureCode ?? ''] ?? [])),
    // Codes of archives are many, and each reason has its own cure.
    ...(phase === 'failed' && permanent === true && CURES[failureCode ?? ''] === undefined
      ? [ARCHIVE_CURE]
      : []),
  ];
  return permanent === true ? [...cures, TRY_AGAIN] : cures;
}

function crashCures(exit: BotStatus['lastExit']): string[] {
  if (exit === undefined) return [];
  if (exit.oomKilled) return ['Raise its memory (config.memory_limit), or find what fills it'];
  if (exit.exitCode === 0 && exit.signal === undefined)
    return [
      'It ends by itself: a realtime bot has to go on, for example in a loop; a program that ends is a schedule',
    ];
  return [
    'Read its last output above, or its log, and mend it; a new version or configuration starts at once',
  ];
}
