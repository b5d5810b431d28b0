import { isIP } from 'node:net';

/** Whether only this machine can reach it. A name may become any address: `localhost` alone is believed. */
export function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith('127.');
  return host === '::1' || host === '[::1]' || host.toLowerCase() === 'localhost';
}
