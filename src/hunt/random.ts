/** The one source of chance: a seeded generator (xoroshiro128+, from pure-rand). Every draw follows from the seed. */
import { xoroshiro128plus, xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';

export interface Random {
  /** 32 random bits, unsigned. */
  bits(): number;
  /** Uniform in 0..n-1; n at most 2^32. The bias of the multiplication method is below n / 2^32. */
  below(n: number): number;
  /** Where the stream stands, as data. */
  state(): readonly number[];
}

/** The same things in an order drawn for them, all orders alike. */
export function shuffled<T>(things: readonly T[], random: Pick<Random, 'below'>): T[] {
  const left = [...things];
  return things.map(() => left.splice(random.below(left.length), 1)[0]);
}

/** Independent streams for one seed: program generation, schedules and shrinking do not disturb each other. */
export function randomFrom(seed: number, stream = 0): Random {
  const generator = xoroshiro128plus((Math.imul(seed | 0, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b)) | 0);
  for (let i = 0; i < 4; i++) generator.next();
  return randomOf(generator);
}

/** The stream that stood at `state`. */
export function randomAt(state: readonly number[]): Random {
  return randomOf(xoroshiro128plusFromState(state));
}

function randomOf(generator: ReturnType<typeof xoroshiro128plus>): Random {
  const bits = (): number => generator.next() >>> 0;
  return {
    bits,
    below: (n) => Math.floor((bits() / 0x1_0000_0000) * n),
    state: () => generator.getState(),
  };
}
