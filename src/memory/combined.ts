/**
 * Objects made of others that share a shape. Written `{ ...first, field }` each would have a shape of its own (V8 11, Node 20), and code that
 * looks at many of them never learns where a field lies. It matters where every step makes one, or looks at one.
 */

/** One object of two, of a few fields: where both have one, the second counts. */
export function combined<A extends object, B extends object>(first: A, second: B): A & B {
  return Object.assign({}, first, second);
}

/** The same fields in an object that has its shape from their names alone: for those of many fields that are made once and looked at often. */
export function shaped<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields)) as T;
}
