/** Which events of a recorded run its conviction turns on. */
import { type AccessKind, LOAD, STORE } from '../hardware/types.ts';
import type { Conviction } from '../hunt/execute.ts';
import type { Violation } from '../oracle/oracle.ts';
import type { Event } from './happening.ts';
import { Culprit } from './narrative-culprit.ts';
import { FilePage } from './narrative-file.ts';
import type { Recording } from './recording.ts';

/** What the conviction of a recorded run turns on. */
export function findCulprit(recording: Recording, conviction: Conviction | undefined): Culprit {
  const { events, places } = recording;
  const culprit = new Culprit(events);
  culprit.label = (conviction?.harm ?? '').replaceAll('-', ' ').toUpperCase();
  culprit.sequential = recording.sequential;
  culprit.cpu = places[places.length - 1]?.cpu ?? 0;
  const violation = conviction?.violation;
  if (!violation) return culprit;
  culprit.cpu = violation.cpu;
  culprit.vpn = violation.vpn;
  culprit.mm = violation.mm;
  if (violation.filePage) culprit.filePage = FilePage.at(events, violation.filePage);
  if (violation.cpu < 0) {
    culprit.loses(lastOther(STORE, culprit, violation));
    return culprit;
  }
  const last = events.findLast((e) => e.is !== 'op' && isLosing(e, culprit, violation.harm));
  if (last && !violation.probe && last.step === places.length - 1) culprit.losing = last;
  const at = last ?? events.findLast((e) => e.is === 'fill' && e.cpu === culprit.cpu && e.vpn === culprit.vpn);
  if (at?.is === 'walk') culprit.pfn = at.table;
  else if (at && 'pfn' in at) culprit.pfn = at.pfn;
  if (culprit.losing?.is === 'held') culprit.startsWith(culprit.losing);
  else if (violation.harm === 'missed-tracking') culprit.loses(lastStore(culprit));
  else culprit.trace(culprit.losing);
  if (violation.harm === 'inversion') culprit.seen = lastOther(LOAD, culprit, violation);
  if (violation.harm === 'stale-read') culprit.writer = opOf(events, lastOther(STORE, culprit, violation));
  culprit.isShown();
  return culprit;
}

/** The last access of that kind to the word that did not have the value: the store that is not shown, the load that saw more. */
function lastOther(
  kind: AccessKind,
  { events, filePage }: Culprit,
  { mm, vpn, word, value }: Violation,
): Event | undefined {
  if (filePage) return kind === STORE ? filePage.lastStore(word, value) : filePage.lastSight(word, value);
  return events.findLast(
    (e) => e.is === 'access' && e.kind === kind && e.mm === mm && e.vpn === vpn && e.word === word && e.value !== value,
  );
}

/** The last store to the page: the one that should have left a mark. Which CPU told of the page does not matter. */
function lastStore({ events, mm, vpn }: Culprit): Event | undefined {
  return events.findLast((e) => e.is === 'access' && e.kind === STORE && e.mm === mm && e.vpn === vpn);
}

/** The operation in which something happened. */
function opOf(events: readonly Event[], e: Event | undefined): (Event & { is: 'op' }) | undefined {
  const ops = e ? events.slice(0, events.indexOf(e) + 1).filter((o) => o.is === 'op' && o.task === e.task) : [];
  return ops.at(-1) as (Event & { is: 'op' }) | undefined;
}

function isLosing(e: Event, culprit: Culprit, harm: string): boolean {
  if (e.cpu !== culprit.cpu) return false;
  if (harm === 'table-reuse') return e.is === 'walk';
  if (harm === 'missed-tracking') return e.is === 'pagemap' && e.vpn === culprit.vpn;
  if (harm === 'wrong-fault') return e.is === 'signal';
  return (e.is === 'access' || e.is === 'held') && e.vpn === culprit.vpn;
}
