/** Ways to choose and to order. */

/** One of each list, in every way. */
export function oneOfEach<T>(lists: readonly (readonly T[])[]): T[][] {
  return lists.reduce<T[][]>((all, list) => all.flatMap((chosen) => list.map((one) => [...chosen, one])), [[]]);
}

export function permutations<T>(of: readonly T[]): T[][] {
  if (of.length === 0) return [[]];
  return permutations(of.slice(1)).flatMap((rest) =>
    Array.from({ length: of.length }, (_, at) => [...rest.slice(0, at), of[0], ...rest.slice(at)]),
  );
}

/** How many `permutations` of so many things there are. */
export function factorial(n: number): number {
  return n < 2 ? 1 : n * factorial(n - 1);
}
