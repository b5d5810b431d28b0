import { sampleTicks } from './tick-samples.ts';

// A bot-scheduler as any other, that tells how late its ticks are taken.
sampleTicks('schedule-tick');
await import('../../support/processor-child.ts');
