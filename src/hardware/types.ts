/** Branded numbers of the hardware layer. Byte addresses do not occur: everything is page numbers and words. */

/** A logical CPU. */
export type CpuId = number & { readonly brand: 'CpuId' };
/** A virtual page number; unsigned, at most 32 bits. */
export type Vpn = number & { readonly brand: 'Vpn' };
/** A page frame number. Frame 0 is never handed out, so that 0 can mean "none". */
export type Pfn = number & { readonly brand: 'Pfn' };
/** The hardware's tag of an address space in the TLB. 0 is the kernel's own. */
export type Pcid = number & { readonly brand: 'Pcid' };
/** Low word of a page-table entry: P, RW, US, A, D, PS, G, software bits 9-11, frame in bits 12-31. */
export type PteLo = number & { readonly brand: 'PteLo' };
/** High word of a page-table entry: NX in bit 31, protection key, soft bits. */
export type PteHi = number & { readonly brand: 'PteHi' };
/** Index of a TLB entry of one CPU, set * ways + way; -1 is a miss. */
export type TlbSlot = number & { readonly brand: 'TlbSlot' };

export const LOAD = 0;
export const STORE = 1;
export const FETCH = 2;
/** A locked read-modify-write, such as XCHG: needs what a store needs, whose bit it carries. */
export const EXCHANGE = 3;
/** What an access does. */
export type AccessKind = typeof LOAD | typeof STORE | typeof FETCH | typeof EXCHANGE;

/** A store, with or without a lock. */
export function writes(kind: AccessKind): boolean {
  return (kind & STORE) !== 0;
}

/** Interrupt vectors, highest priority first. */
export const VECTOR_CALL_FUNCTION = 0;
export const VECTOR_RESCHEDULE = 1;
export const VECTOR_TIMER = 2;
/** Of a device: one for all. */
export const VECTOR_DEVICE = 3;
export const VECTORS = 4;
