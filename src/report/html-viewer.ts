/**
 * What runs in the page. `viewer` is printed into it as text, so it may use nothing from outside itself. Keys: arrows
 * step, `n` goes to the next step after which some TLB is stale, `a` and `b` set markers.
 */
import type { RaceView } from './html-race.ts';
import type { PageRow } from './html-states.ts';

/** The little of a browser that the viewer uses. */
interface Element {
  textContent: string | null;
  className: string;
  readonly dataset: Record<string, string | undefined>;
  readonly classList: { toggle(name: string, on: boolean): void };
  querySelector(selector: string): Element;
  querySelectorAll(selector: string): Iterable<Element>;
  setAttribute(name: string, value: string): void;
  append(...nodes: (Element | string)[]): void;
  replaceChildren(...nodes: Element[]): void;
  closest(selector: string): Element | null;
  scrollIntoView(how: { block: 'nearest'; inline: 'nearest' }): void;
  addEventListener(
    type: string,
    listener: (event: { key: string; target: Element; preventDefault(): void }) => void,
  ): void;
}
interface Page extends Element {
  createElement(name: string): Element;
}

export type ViewerData = Pick<RaceView, 'first' | 'heads' | 'states'> & {
  readonly steps: readonly { cpu: number; task: string; point: string; word: string; happens: readonly string[] }[];
};

/** Makes every race of the page answer to clicks, and the one last clicked to keys. */
export function viewer(document: Page, races: readonly ViewerData[]): void {
  const make = (name: string, text: string, style = ''): Element => {
    const element = document.createElement(name);
    element.textContent = text;
    element.className = style;
    return element;
  };
  const open = races.map((race, number) => {
    const section = document.querySelector(`#race-${number}`);
    const svg = section.querySelector('svg');
    const left = Number(svg.dataset.left);
    const width = Number(svg.dataset.step);
    const markers: Record<string, number> = {};
    let at = race.steps.length - 1;
    const rowsAfter = (step: number): readonly PageRow[] => {
      for (let i = step + 1; i >= 0; i--) {
        const rows = race.states[i];
        if (rows) return rows;
      }
      return [];
    };
    const isStale = (step: number): boolean => rowsAfter(step).some((row) => row.cells.some((cell) => cell.stale));
    const table = (rows: readonly PageRow[]): Element => {
      const all = make('table', '');
      const head = make('tr', '');
      head.append(make('th', 'page'), make('th', 'mm'), make('th', 'page table'));
      for (const name of race.heads) head.append(make('th', `TLB of ${name}`));
      all.append(head);
      for (const row of rows) {
        const tr = make('tr', '');
        tr.append(make('th', row.page), make('td', String(row.mm)), make('td', row.pte));
        for (const cell of row.cells) {
          const away = cell.text !== '-' && !cell.usable ? ' (not loaded)' : '';
          const mark = cell.stale ? `⚠ ${cell.text} STALE${away}` : `${cell.text}${away}`;
          tr.append(make('td', mark, cell.stale ? 'stale' : ''));
        }
        all.append(tr);
      }
      return all;
    };
    const show = (step: number): void => {
      at = Math.max(0, Math.min(race.steps.length - 1, step));
      const { cpu, task, point, word, happens } = race.steps[at];
      const title = `step ${race.first + at} on CPU${cpu} (${task}): from "${point}"${word === '(nothing)' ? '' : `, touching ${word}`}`;
      const list = make('ul', '');
      for (const text of happens) list.append(make('li', text));
      section.querySelector('.now').replaceChildren(make('p', title), list, table(rowsAfter(at)));
      const middle = String(left + at * width + width / 2 - 1);
      for (const end of ['x1', 'x2']) section.querySelector('.cursor').setAttribute(end, middle);
      for (const step of section.querySelectorAll('.step'))
        step.classList.toggle('at', step.dataset.step === String(at));
      section.querySelector('.step.at').scrollIntoView({ block: 'nearest', inline: 'nearest' });
    };
    const setMarker = (name: string): void => {
      markers[name] = at;
      const x = String(left + at * width + width / 2 - 1);
      for (const end of ['x1', 'x2']) section.querySelector(`.marker.${name}`).setAttribute(end, x);
      const { a, b } = markers;
      const between = a !== undefined && b !== undefined ? `, ${Math.abs(b - a)} steps apart` : '';
      const placed = Object.keys(markers).map((m) => `${m.toUpperCase()} at step ${race.first + markers[m]}`);
      section.querySelector('.markers').textContent = placed.join(', ') + between;
    };
    svg.addEventListener('click', ({ target }) => {
      current = number;
      const step = target.closest('.step');
      if (step) show(Number(step.dataset.step));
    });
    show(at);
    return {
      key: (key: string): boolean => {
        if (key === 'ArrowLeft') show(at - 1);
        else if (key === 'ArrowRight') show(at + 1);
        else if (key === 'Home') show(0);
        else if (key === 'End') show(race.steps.length - 1);
        else if (key === 'a' || key === 'b') setMarker(key);
        else if (key === 'n') {
          const count = race.steps.length;
          for (let i = 1; i <= count; i++) {
            if (!isStale((at + i) % count)) continue;
            show((at + i) % count);
            break;
          }
        } else return false;
        return true;
      },
    };
  });
  let current = 0;
  document.addEventListener('keydown', (event) => {
    if (open[current]?.key(event.key)) event.preventDefault();
  });
}
