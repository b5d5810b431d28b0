/** Bots that the tests look for. */
export const CRASHING = 'grid-eth-crashes';
export const WELL = 'momentum-btc';
export const HOSTILE = 'hostile-name';
export const CHATTY = 'market-maker-sol';
