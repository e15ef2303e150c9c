/** The life of frames: handed out, mapped, unmapped, freed, handed out again, read and written. */
import { ptePfn, ptePresent } from '../hardware/pte.ts';
import { STORE } from '../hardware/types.ts';
import type { Event } from './happening.ts';

export interface FrameMark {
  /** Step of the concurrent part; -1: in the history. */
  readonly step: number;
  readonly cpu: number;
  /** One letter for the life line: o handed out, m mapped, u unmapped, f freed, r read, w written. */
  readonly sign: 'o' | 'm' | 'u' | 'f' | 'r' | 'w';
}

export interface FrameLife {
  readonly pfn: number;
  /** The frame that the losing access reached. */
  readonly loses: boolean;
  readonly marks: readonly FrameMark[];
}

/** Frames with a life line besides the losing one. */
const OTHERS = 5;

/** The lives of the losing frame and of the busiest others; marks before `first` count as history. */
export function framesOf(events: readonly Event[], losing: number, first: number): FrameLife[] {
  const lives = new Map<number, FrameMark[]>();
  const mark = (pfn: number, e: Event, sign: FrameMark['sign']): void => {
    const marks = lives.get(pfn) ?? [];
    marks.push({ step: e.concurrent && e.step >= first ? e.step : -1, cpu: e.cpu, sign });
    lives.set(pfn, marks);
  };
  for (const e of events) {
    if (e.is === 'handed-out') mark(e.pfn, e, 'o');
    else if (e.is === 'freed') mark(e.pfn, e, 'f');
    else if (e.is === 'access') mark(e.pfn, e, e.kind === STORE ? 'w' : 'r');
    else if (e.is === 'pte') {
      const was = ptePresent(e.oldLo) ? ptePfn(e.oldLo) : 0;
      const now = ptePresent(e.newLo) ? ptePfn(e.newLo) : 0;
      if (was !== 0 && was !== now) mark(was, e, 'u');
      if (now !== 0 && was !== now) mark(now, e, 'm');
    }
  }
  const recent = (pfn: number): number => (lives.get(pfn) ?? []).filter((m) => m.step >= 0).length;
  const others = [...lives.keys()]
    .filter((pfn) => pfn !== losing && recent(pfn) > 0)
    .sort((a, b) => recent(b) - recent(a) || a - b)
    .slice(0, OTHERS);
  return [...(lives.has(losing) ? [losing] : []), ...others].map((pfn) => ({
    pfn,
    loses: pfn === losing,
    marks: lives.get(pfn) ?? [],
  }));
}
