/** The events of a run, as a recording keeps them and a narrative tells them. */
import type { AccessKind } from '../hardware/types.ts';
import type { FrameOwner } from '../kernel/observer.ts';
import type { OpKind } from '../oracle/ops.ts';
import type { Op } from '../program/program.ts';

/** What happened. Pages are virtual page numbers, `pfn` a frame. */
export type Happening =
  | { is: 'op'; op: Op; inHistory: boolean; index: number }
  | { is: 'access'; mm: number; vpn: number; pfn: number; word: number; kind: AccessKind; value: number }
  | { is: 'held'; mm: number; vpn: number; pfn: number; word: number; kind: AccessKind; value: number }
  | { is: 'probe'; mm: number; vpn: number; word: number; value: number }
  | { is: 'pte'; mm: number; vpn: number; oldLo: number; newLo: number; oldHi: number; newHi: number }
  | { is: 'table'; linked: boolean; mm: number; pfn: number; base: number; level: number }
  | { is: 'walk'; table: number }
  | { is: 'fill'; mm: number; vpn: number; pfn: number }
  | { is: 'drop'; vpn: number; pfn: number; pcid: number }
  | { is: 'handed-out'; pfn: number; owner: FrameOwner }
  | { is: 'freed'; pfn: number }
  | { is: 'swap'; pfn: number; slot: number; way: 'in' | 'out' }
  | { is: 'slot'; file: number; index: number; was: number; now: number }
  | { is: 'file-store' | 'server-store' | 'file-load'; file: number; index: number; word: number; value: number }
  | { is: 'send'; to: number; vector: number; merged: boolean }
  | { is: 'deliver'; vector: number }
  | { is: 'hardware'; says: string }
  | { is: 'tick' }
  | { is: 'switch'; from: number; to: number }
  | { is: 'pagemap'; vpn: number; softDirty: boolean; written: boolean }
  | { is: 'signal'; vpn: number; signal: number }
  | { is: 'returns'; kind: OpKind; result: number };

export type Event = Happening & {
  /** Steps since the start of the concurrent part; of the history, since the boot. */
  readonly step: number;
  readonly cpu: number;
  readonly task: number;
  readonly concurrent: boolean;
};

/** Where a CPU stood before one step, and the word it was about to touch. */
export interface StepPlace {
  readonly cpu: number;
  readonly task: number;
  readonly label: string;
  readonly word: string;
}
