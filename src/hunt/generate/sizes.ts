/** Sizes of the machines that programs are generated for, whatever else varies. */

/** Pages of an address space, whatever the levels: 5 bits. */
export const PAGES = 32;

/** Words of a page on a tiny machine. */
export const WORDS = 4;
