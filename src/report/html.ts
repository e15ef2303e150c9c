/** The report as one HTML file: no network, no library; inline SVG, and a small script for stepping through races. */
import type { MeasureResult } from '../measure/experiments.ts';
import { LEGEND, lanesSvg } from './html-lanes.ts';
import type { RaceView } from './html-race.ts';
import { savingsHtml } from './html-savings.ts';
import { STYLE } from './html-style.ts';
import { escapeHtml, scriptJson } from './html-text.ts';
import { type ViewerData, viewer } from './html-viewer.ts';

export interface ReportPolicy {
  readonly name: string;
  readonly verdict: string;
  /** What was run and what may be claimed from it, one line each. */
  readonly says: readonly string[];
  readonly races: readonly RaceView[];
}

export interface Report {
  readonly title: string;
  /** The command that made the report. */
  readonly command: string;
  readonly tool: string;
  readonly policies: readonly ReportPolicy[];
  /** One measurement per workload. */
  readonly savings: readonly MeasureResult[];
  /** What was assumed and left out, one line each. */
  readonly notes: readonly string[];
}

export function reportHtml(report: Report): string {
  const races = report.policies.flatMap((p) => p.races);
  const data: ViewerData[] = races.map(({ first, heads, states, steps }) => ({ first, heads, states, steps }));
  let number = 0;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(report.title)}</title>
<style>${STYLE}</style>
<h1>${escapeHtml(report.title)}</h1>
<p>${escapeHtml(report.tool)}: <code>${escapeHtml(report.command)}</code></p>
${verdicts(report)}
${report.policies.flatMap((p) => p.races.map((race) => raceHtml(p.name, race, number++))).join('\n')}
<h2>What each policy costs</h2>
${report.savings.map((s) => savingsHtml(s)).join('\n')}
<h2>Assumed and left out</h2>
<ul>${report.notes.map((n) => `<li>${escapeHtml(n)}</li>`).join('')}</ul>
<script>(${viewer})(document, ${scriptJson(data)});</script>
</html>
`;
}

function verdicts({ policies }: Report): string {
  const rows = policies.map(({ name, verdict, says, races }) => {
    const mark = verdict === 'clean' ? '✓' : '⚠';
    const replays = races.map((race) => `<br><code>${escapeHtml(race.command)}</code>`).join('');
    const lines = says.map((line) => escapeHtml(line)).join('<br>');
    return `<tr><th>${escapeHtml(name)}</th><td class="${verdict === 'clean' ? 'good' : 'bad'}">${mark} ${escapeHtml(verdict)}</td><td>${lines}${replays}</td></tr>`;
  });
  return `<table class="verdicts"><tr><th>policy</th><th>verdict</th><th>what was run</th></tr>${rows.join('')}</table>`;
}

function raceHtml(policy: string, race: RaceView, number: number): string {
  return `<section class="race" id="race-${number}">
<h2>${escapeHtml(policy)}: ${escapeHtml(race.harm)}</h2>
<p class="bad">⚠ ${escapeHtml(race.says)}</p>
<p><b>Flush owed:</b> ${escapeHtml(race.owed === '' ? 'none named' : race.owed)} (${escapeHtml(race.grade)})</p>
<p>Reproduce: <code>${escapeHtml(race.command)}</code></p>
<pre>${escapeHtml(race.columns)}</pre>
<p class="keys">Click a step, then: ← → step, n next stale entry, a and b set markers, Home and End. ${escapeHtml(LEGEND)}.</p>
<div class="lanes">${lanesSvg(race)}</div>
<p class="markers"></p>
<div class="now"></div>
<details><summary>Program</summary><pre>${escapeHtml(race.program)}</pre></details>
</section>`;
}
