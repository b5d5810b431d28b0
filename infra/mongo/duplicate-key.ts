/** MongoDB's code for a document whose key is there already. */
export const DUPLICATE_KEY = 11_000;
