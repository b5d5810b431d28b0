import type { Response } from 'express';

/**
 * Answers with an error as the control API writes it: `code` for programs, `message` for people. `error` is what Bull Board's
 * page shows.
 */
export function refuse(response: Response, status: number, code: string, message: string): void {
  response.status(status).json({ code, message, error: message });
}
