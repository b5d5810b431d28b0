/** Something that a person must mend: its message is shown as it is, without a stack. */
export class BootError extends Error {}
