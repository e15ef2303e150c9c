/** uprobes: the order of events of solo runs as since Linux 6.16, and what they leave. */
import { describe, expect, it } from 'vitest';
import type { Vpn } from '#tlblab/hardware/types.js';
import { EINVAL, ENOENT, type FileId, MAP_FIXED, VM_EXEC, VM_READ, VM_SHARED } from '#tlblab/kernel/types.js';
import type { Path } from '#tlblab/memory/point.js';
import type { Body } from '../driver.js';
import { inOrder, labelsOf } from '../labels.js';
import { alone, freeFrames, load, R, RW, store } from '../mm/task.js';

const P = 8 as Vpn;
const FILE = 1;
const RX = VM_READ | VM_EXEC;
const BREAKPOINT = 77;

type Handle = Parameters<Body>[0];

/** A private mapping of page 0 of the file, which holds 5 and is mapped. */
function* mapped(cpu: Handle): Path<void> {
  yield* cpu.kernel.sysWrite(cpu, FILE, 0, 0, 5);
  yield* cpu.kernel.sysMmap(cpu, P, 1, RX, MAP_FIXED, FILE, 0);
  yield* load(cpu, P);
}
function* probed(cpu: Handle): Path<void> {
  yield* mapped(cpu);
  yield* on(cpu);
}
const on = (cpu: Handle): Path<number> => cpu.kernel.uprobeRegister(cpu, FILE, 0, 0, BREAKPOINT);
const off = (cpu: Handle): Path<number> => cpu.kernel.uprobeUnregister(cpu, FILE, 0, 0);

describe('event order', () => {
  it('a probe: mappings listed, mmap_lock for writing, COW by force, PTL, entry cleared and flushed, written, set again', () => {
    const labels = labelsOf(mapped, on);
    inOrder(labels, [
      'downWrite',
      'filemapRead: folio up to date',
      'downRead',
      'buildMapInfo: mapping of the page found',
      'mmgetNotZero',
      'upRead',
      'downWrite',
      'followPageMask: PTL taken',
      'doWpPage: read-only page found',
      'copyPage',
      'wpPageCopy: copied, PTL taken',
      'ptepClearFlush: pte to be cleared',
      'flushTlbMmRange: ptes changed',
      'wpPageCopy: old pte cleared and flushed',
      'followPageMask: PTL taken',
      'folioGet',
      'verifyOpcode: page held',
      'folioWalkStart: PTL taken',
      'pageAnonExclusive',
      'ptepClearFlush: pte to be cleared',
      'flushTlbMmRange: ptes changed',
      '__uprobeWrite: entry cleared and flushed',
      '__uprobeWrite: instruction written',
      'spinUnlock',
      'folioPut',
      'vmaEndWriteAll',
      'upWrite',
      'upWrite',
    ]);
    expect(labels.filter((l) => l.startsWith('ptepClearFlush'))).toHaveLength(2);
  });

  it('its end: no fault, entry cleared and flushed, written, compared with the file, left empty, page freed', () => {
    const labels = labelsOf(probed, off);
    inOrder(labels, [
      'downWrite',
      'buildMapInfo: mapping of the page found',
      'downWrite',
      'followPageMask: PTL taken',
      'verifyOpcode: page held',
      'folioWalkStart: PTL taken',
      'ptepClearFlush: pte to be cleared',
      'flushTlbMmRange: ptes changed',
      '__uprobeWrite: entry cleared and flushed',
      '__uprobeWrite: instruction restored',
      'filemapGetFolio',
      'pagesIdentical',
      '__uprobeWrite: same as in the file',
      'folioPut',
      'spinUnlock',
      'folioPut',
      'freeUnrefPage',
      'upWrite',
    ]);
    const walked = labels.findIndex((l) => l.startsWith('folioWalkStart'));
    expect(labels.some((l) => l.startsWith('doWpPage') || l.startsWith('wpPageCopy'))).toBe(false);
    expect(labels.slice(walked).some((l) => l.startsWith('__uprobeWrite: instruction written'))).toBe(false);
  });

  it('its end where the copy is not what the file holds: the entry is set again', () => {
    function* differs(cpu: Handle): Path<void> {
      yield* probed(cpu);
      yield* cpu.kernel.sysWrite(cpu, FILE, 0, 1, 6);
    }
    inOrder(labelsOf(differs, off), ['pagesIdentical', '__uprobeWrite: instruction written', 'spinUnlock']);
  });
});

it('shows the breakpoint in private mappings that cannot be written to, and nowhere else', () => {
  const seen: number[] = [];
  alone(function* (cpu) {
    const { kernel } = cpu;
    yield* mapped(cpu);
    yield* kernel.sysMmap(cpu, 16 as Vpn, 1, RW, MAP_FIXED, FILE, 0);
    yield* kernel.sysMmap(cpu, 17 as Vpn, 1, R | VM_SHARED, MAP_FIXED, FILE, 0);
    seen.push(yield* on(cpu), yield* on(cpu));
    for (const page of [8, 16, 17]) seen.push(yield* load(cpu, page));
    seen.push(yield* off(cpu), yield* load(cpu, P), yield* off(cpu));
  });
  expect(seen).toEqual([0, EINVAL, BREAKPOINT, 5, 5, 0, 5, ENOENT]);
});

it('comes to a mapping without rights, too', () => {
  const seen: number[] = [];
  alone(function* (cpu) {
    yield* mapped(cpu);
    yield* cpu.kernel.sysMprotect(cpu, P, 1, 0);
    seen.push(yield* on(cpu));
    yield* cpu.kernel.sysMprotect(cpu, P, 1, R);
    seen.push(yield* load(cpu, P));
  });
  expect(seen).toEqual([0, BREAKPOINT]);
});

it('finds the instruction in swap, where that is of a memory file', () => {
  const seen: number[] = [];
  const body: Body = function* (cpu) {
    yield* mapped(cpu);
    yield* cpu.kernel.reclaimPages(cpu, FILE as FileId, 0, 1);
    seen.push(yield* on(cpu), yield* load(cpu, P), yield* off(cpu), yield* load(cpu, P));
  };
  alone(body, { override: { swapSlots: 4 }, memory: [FILE as FileId] });
  expect(seen).toEqual([0, BREAKPOINT, 0, 5]);
});

it('puts back what the file held, into a page that was stored to as well, and gives the frames back', () => {
  const seen: number[] = [];
  const body = (probe: boolean): Body =>
    function* (cpu) {
      const { kernel } = cpu;
      yield* mapped(cpu);
      if (probe) {
        yield* kernel.sysMprotect(cpu, P, 1, RW);
        yield* store(cpu, P, 6);
        yield* kernel.sysMprotect(cpu, P, 1, R);
        seen.push(yield* on(cpu), yield* load(cpu, P), yield* off(cpu), yield* load(cpu, P));
      }
      yield* kernel.sysMunmap(cpu, P, 1);
      yield* kernel.rcuBarrier(cpu);
    };
  // set_orig_insn(): of the store nothing is known
  expect(freeFrames(alone(body(true)))).toBe(freeFrames(alone(body(false))));
  expect(seen).toEqual([0, BREAKPOINT, 0, 5]);
});
