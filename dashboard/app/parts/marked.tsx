import { codeParts } from './format.ts';

/** A sentence of ours, in which commands and names are between backticks. */
export const Marked = ({ text }: { text: string }) => (
  <>{codeParts(text).map(({ text: part, isCode }, at) => (isCode ? <code key={at}>{part}</code> : part))}</>
);
