import { describeFailure, NotReadyYet } from '../errors.ts';
import type { Problem } from './records.ts';

const BAD_REQUEST = 400;
const FAILED = 500;
const UNAVAILABLE = 503;

/**
 * Why there is no container, as the caller of a query is told. What only its owner can mend is a failure of the bot;
 * anything else passes. Throws what is no failure at all.
 */
export function problemOf(error: unknown): Problem {
  if (error instanceof NotReadyYet) throw error;
  const { code, message, retryable } = describeFailure(error);
  const status = code === 'bad_params' ? BAD_REQUEST : retryable ? UNAVAILABLE : FAILED;
  return { reason: message, status };
}
