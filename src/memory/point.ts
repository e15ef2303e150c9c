/**
 * Points: the race windows of kernel and hardware paths. A point's label says what is true *now*; the word announced
 * beside it is what the path touches *next*. Only at a point may another CPU run or an interrupt arrive.
 */

export type Point = number & { readonly brand: 'Point' };

/** A kernel or hardware path. Its yields carry nothing: point and next word lie in the CPU that runs it. */
export type Path<T> = Generator<undefined, T, undefined>;

const labels: string[] = ['(start)'];
const byLabel = new Map<string, Point>();

/** The point before the first one of a path: an operation that has not touched anything yet. */
export const START = 0 as Point;

/**
 * Declares a point, once, at module level. The number is only valid in this process: files name points by label.
 * @throws if two points carry one label, because a schedule could then not tell them apart.
 */
export function point(label: string): Point {
  if (byLabel.has(label)) throw new Error(`point "${label}" is declared twice`);
  const id = labels.length as Point;
  labels.push(label);
  byLabel.set(label, id);
  return id;
}

export function pointLabel(id: Point): string {
  return labels[id] ?? `(unknown point ${id})`;
}

/** The point with this label, or undefined if this version of the tool has none. */
export function pointNamed(label: string): Point | undefined {
  return byLabel.get(label);
}

/** All labels in the order of declaration, without the start. */
export function pointLabels(): readonly string[] {
  return labels.slice(1);
}
