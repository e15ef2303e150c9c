/** CPU lanes and frame life lines of a race as one SVG: time runs to the right, a column a step. */
import type { RaceView, StepKind } from './html-race.ts';
import { escapeHtml } from './html-text.ts';

const STEP = 14;
const LANE = 30;
const LIFE = 20;
const LEFT = 110;
const TOP = 18;

const LETTER: Record<StepKind, string> = { user: 'u', kernel: 'k', interrupt: 'i', hardware: 'h' };
const SIGN = { o: '○', m: '▲', u: '▽', f: '✕', r: 'r', w: 'w' } as const;

/** What the letters and signs of the drawing mean. */
export const LEGEND =
  'u user mode, k kernel, i interrupt, h hardware on its own; frames: ○ handed out, ▲ mapped, ▽ unmapped, ✕ freed, r read, w written; ⚠ the losing access';

export function lanesSvg(view: RaceView): string {
  const { heads, steps, frames } = view;
  const lives = TOP + heads.length * LANE + 14;
  const width = LEFT + steps.length * STEP + 20;
  const height = lives + frames.length * LIFE + 8;
  const x = (step: number): number => LEFT + Math.max(0, step - view.first) * STEP;
  const lane = (cpu: number): number => TOP + cpu * LANE;
  const parts = [
    ...heads.map(
      (head, cpu) =>
        text(4, lane(cpu) + 15, head, 'head') + line(LEFT, lane(cpu) + 11, width - 20, lane(cpu) + 11, 'rail'),
    ),
    ...steps.map((step, i) => {
      const at = view.first + i;
      const last = i === steps.length - 1;
      const shape = `<rect x="${x(at)}" y="${lane(step.cpu)}" width="${STEP - 2}" height="22" rx="2"/>`;
      const letter = last ? '⚠' : LETTER[step.kind];
      const label = `<text x="${x(at) + (STEP - 2) / 2}" y="${lane(step.cpu) + 15}">${letter}</text>`;
      const title = escapeHtml([`step ${at}, CPU${step.cpu}: ${step.point}`, ...step.happens].join('\n'));
      return `<g class="step ${step.kind}${last ? ' loses' : ''}" data-step="${i}"><title>${title}</title>${shape}${label}</g>`;
    }),
    ...view.arrows.map(({ from, fromCpu, to, toCpu }) => {
      const down = toCpu > fromCpu;
      const y1 = lane(fromCpu) + (down ? 22 : 0);
      const y2 = lane(toCpu) + (down ? 0 : 22);
      return line(x(from) + STEP / 2, y1, x(to) + STEP / 2, y2, 'ipi', 'marker-end="url(#tip)"');
    }),
    ...frames.flatMap(({ pfn, loses, marks }, row) => {
      const y = lives + row * LIFE + 12;
      const seen = marks.filter((m) => m.step >= 0);
      const before = marks.length - seen.length;
      return [
        text(4, y, `pfn ${pfn}${loses ? ' ⚠' : ''}${before > 0 ? ` (${before} before)` : ''}`, 'head'),
        line(LEFT, y - 4, width - 20, y - 4, 'rail'),
        ...seen.map((m) => text(x(m.step) + (STEP - 2) / 2, y, SIGN[m.sign], `sign cpu${m.cpu}`)),
      ];
    }),
    `<line class="cursor" x1="0" x2="0" y1="0" y2="${height}"/>`,
    ...['a', 'b'].map((name) => `<line class="marker ${name}" x1="-9" x2="-9" y1="0" y2="${height}"/>`),
  ];
  const tip =
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>';
  return `<svg width="${width}" height="${height}" data-left="${LEFT}" data-step="${STEP}" role="img" aria-label="CPU lanes">${tip}${parts.join('')}</svg>`;
}

function text(x: number, y: number, content: string, name: string): string {
  return `<text class="${name}" x="${x}" y="${y}">${escapeHtml(content)}</text>`;
}

function line(x1: number, y1: number, x2: number, y2: number, name: string, more = ''): string {
  return `<line class="${name}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" ${more}/>`;
}
