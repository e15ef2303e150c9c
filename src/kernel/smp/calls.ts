/** What a cross-call can ask for. Numbers, because the request lies in the image. */
export const NO_CALL = 0;
/** flushTlbFunc on the initiator's flush record. */
export const CALL_FLUSH_TLB = 1;
/**
 * Nothing: that the handler runs at all proves that the target left its interrupts-off section (Linux
 * tlb_remove_table_smp_sync).
 */
export const CALL_SYNC = 2;
/** rcuExpHandler: a quiescent state, now or as soon as possible. */
export const CALL_RCU_EXP = 3;

export type CallFunction = number;
