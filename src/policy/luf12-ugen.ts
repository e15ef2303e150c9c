/**
 * Generations and keys of LUF v12 (mm/rmap.c). Linux has 64 bits for a generation; here it is a word of 32, compared so that a
 * wrap does no harm, and no run takes two thousand million. 0 is invalid, also in the low 16 bits.
 */
import type { Cpu } from '../kernel/cpu.ts';
import { type Path, point } from '../memory/point.ts';
import { LUF12 } from './luf12-tables.ts';

export const LUF_UGEN_INIT = 2;
export const ZONE_UGEN_INIT = 2;

const NEW_TIME = point('newLufUgen: luf_ugen to be raised');
const NEWEST = point('lufBatchInit: luf_ugen to be read');
const NEW_KEY = point('newLufKey: luf_kgen to be raised');

const ONE = 0;
const SHORT = 0xffff;

/** Linux: ugen_before(), which survives a wrap. */
export function ugenBefore(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}
/** The later of two; 0 is none. */
export function ugenLater(a: number, b: number): number {
  return a === 0 || ugenBefore(a, b) ? b : a;
}
/** Linux: next_ugen(), prev_ugen(): values whose low 16 bits are 0 are passed over. */
export function nextUgen(a: number): number {
  return ((a + 1) & SHORT) === 0 ? a + 2 : a + 1;
}
export function prevUgen(a: number): number {
  return ((a - 1) & SHORT) === 0 ? a - 2 : a - 1;
}
/** Linux: page_zone_ugen(): the newest zone generation up to the present one that has these low 16 bits; 0 for 0. */
export function pageZoneUgen(zoneUgen: number, short: number): number {
  if (short === 0) return 0;
  const candidate = (zoneUgen & ~SHORT) | short;
  return ugenBefore(zoneUgen, candidate) ? candidate - SHORT - 1 : candidate;
}
export function shortUgen(zoneUgen: number): number {
  return zoneUgen & SHORT;
}

/** Linux: new_luf_ugen(): a new time, for a request or for a flush. */
export function* newLufUgen(cpu: Cpu): Path<number> {
  const { lufUgen } = cpu.wordsOf(LUF12);
  for (;;) {
    if (cpu.at(NEW_TIME, lufUgen.at(ONE))) yield;
    const ugen = lufUgen.add(ONE, 1) + 1 + LUF_UGEN_INIT;
    if ((ugen & SHORT) !== 0) return ugen;
  }
}

/** atomic_long_read(&luf_ugen). */
export function* newestUgen(cpu: Cpu): Path<number> {
  const { lufUgen } = cpu.wordsOf(LUF12);
  if (cpu.at(NEWEST, lufUgen.at(ONE))) yield;
  return lufUgen.load(ONE) + LUF_UGEN_INIT;
}

/** Linux: new_luf_key(): keys in turn, never 0. */
export function* newLufKey(cpu: Cpu): Path<number> {
  const { lufKgen } = cpu.wordsOf(LUF12);
  for (;;) {
    if (cpu.at(NEW_KEY, lufKgen.at(ONE))) yield;
    // a boot image of zeros means luf_kgen = 1
    const key = (lufKgen.add(ONE, 1) + 2) % cpu.geometry.lufKeys;
    if (key !== 0) return key;
  }
}
