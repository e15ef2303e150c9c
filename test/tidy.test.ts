/** House style that a machine can check; each rule has a short name. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

interface File {
  readonly path: string;
  readonly text: string;
  /** Without comments and texts in quotes, line for line. */
  readonly code: string;
}

function filesOf(folder: string): File[] {
  const names = readdirSync(`${ROOT}${folder}`, { recursive: true, withFileTypes: false }) as string[];
  return names
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts') && !name.includes('.scratch-'))
    .sort()
    .map((name) => {
      const path = `${folder}/${name.replaceAll('\\', '/')}`;
      const text = readFileSync(`${ROOT}${path}`, 'utf8');
      return { path, text, code: codeOf(text) };
    });
}

function codeOf(text: string): string {
  const blank = (found: string) => found.replace(/[^\n]/g, ' ');
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, blank);
}

/** From the bottom up: a layer imports itself and the layers before it. */
const LAYERS = [
  ['src/memory'],
  ['src/hardware'],
  ['src/kernel'],
  ['src/policy', 'src/oracle'],
  ['src/bugs'],
  ['src/fixes'],
  ['src/program'],
  ['src/engine'],
  ['workloads'],
  ['src/trace'],
  ['src/hunt'],
  ['src/measure'],
  ['src/report'],
  ['src/campaign'],
  ['src/cli', 'src/index.ts', 'bench', 'actors'],
];

/** Program data knows no machine: it may import these only. */
const PROGRAM_MAY = ['src/program', 'src/memory'];

const SOURCES = ['src', 'actors', 'workloads', 'bench'].flatMap(filesOf);
const TESTS = filesOf('test');

const levelOf = (path: string): number => LAYERS.findIndex((names) => names.some((name) => path.startsWith(name)));

/** Paths that a file imports from this package. */
function importsOf({ path, text }: File): string[] {
  const found = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']*)'/g)].map(([, to]) => to);
  return found.map((to) => new URL(to, `file:///${path}`).pathname.slice(1));
}

/** Lines of files that a pattern matches, as `path:line: text`. */
function hits(files: readonly File[], pattern: RegExp, of: (file: File) => string = (file) => file.code): string[] {
  return files.flatMap((file) => {
    const lines = file.text.split('\n');
    return of(file)
      .split('\n')
      .flatMap((line, i) => (pattern.test(line) ? [`${file.path}:${i + 1}: ${lines[i].trim()}`] : []));
  });
}

describe('layers', () => {
  it('every source file lies in one', () => {
    expect(SOURCES.filter(({ path }) => levelOf(path) < 0).map(({ path }) => path)).toEqual([]);
  });

  it('a layer imports only itself and those before it', () => {
    const upward = SOURCES.flatMap((file) =>
      importsOf(file)
        .filter((to) => !isTypeOnly(file, to) && levelOf(to) > levelOf(file.path))
        .map((to) => `${file.path} imports ${to}`),
    );
    expect(upward).toEqual([]);
  });

  it('policy and oracle do not know each other, and programs know no machine', () => {
    const wrong = SOURCES.flatMap((file) =>
      importsOf(file)
        .filter(
          (to) =>
            (file.path.startsWith('src/policy/') && to.startsWith('src/oracle/')) ||
            (file.path.startsWith('src/oracle/') && to.startsWith('src/policy/')) ||
            (file.path.startsWith('src/program/') && !PROGRAM_MAY.some((name) => to.startsWith(name))),
        )
        .map((to) => `${file.path} imports ${to}`),
    );
    expect(wrong).toEqual([]);
  });
});

/** Actors are worker entries: the other side needs their type, and only that. */
function isTypeOnly({ text }: File, to: string): boolean {
  const name = to.replace(/^.*\//, '');
  return to.startsWith('actors/') && new RegExp(`import type [^;]*${name}'`).test(text);
}

describe('one-idea', () => {
  it('no file has more than 300 lines, but for those that wait to be split', () => {
    const long = SOURCES.filter(({ text }) => text.split('\n').length > 301).map(({ path }) => path);
    expect(long).toEqual([]);
  });

  it('every source file starts by saying what it is', () => {
    const silent = SOURCES.filter(
      ({ path, text }) => !path.startsWith('workloads/') && !/^(#![^\n]*\n)?\/\*\*/.test(text),
    ).map(({ path }) => path);
    expect(silent).toEqual([]);
  });

  it('nothing is called a helper of everything', () => {
    const vague = [...SOURCES, ...TESTS].filter(({ path }) => /\b(utils?|helpers?|common|misc)\b/.test(path));
    expect(vague.map(({ path }) => path)).toEqual([]);
  });
});

describe('values-not-calls', () => {
  const below = SOURCES.filter(({ path }) => !/^(src\/cli|bench|actors)\//.test(path));

  it('no chance but the seed', () => {
    expect(hits([...SOURCES, ...TESTS], /Math\.random/)).toEqual([]);
  });

  it('no clock and no environment below the command line', () => {
    expect(hits(below, /Date\.now|new Date\b|performance\.now|process\.env|process\.argv/)).toEqual([]);
  });
});

describe('linux-names', () => {
  const paths = SOURCES.filter(({ path }) => /^src\/(kernel|policy|bugs|fixes)\//.test(path));

  it('kernel routines are called through the record', () => {
    const records = SOURCES.filter(({ path }) => /^src\/kernel\/\w+\/(file-)?routines\.ts$/.test(path));
    const routines = new Set(
      records.flatMap(({ code }) =>
        [.../Routines = \{([\s\S]*?)\n?\}/.exec(code)![1].matchAll(/\b(\w+)\b\s*(?=[,}\n]|$)/g)].map((m) => m[1]),
      ),
    );
    expect(routines.size).toBeGreaterThan(40);
    const direct = hits(paths, /yield\* [a-z]\w*\(/).filter((line) => routines.has(/yield\* (\w+)\(/.exec(line)![1]));
    expect(direct).toEqual([]);
  });

  it('every hardware requirement of this model has a test that names it', () => {
    const named = new Set(TESTS.flatMap(({ text }) => [...text.matchAll(/\bB-(\d+)\b/g)].map((m) => Number(m[1]))));
    const asked = [...Array.from({ length: 23 }, (_, i) => i + 1), 31, 32, 33].filter((n) => n !== 6 && n !== 7);
    expect(asked.filter((n) => !named.has(n))).toEqual([]);
  });
});

describe('tests', () => {
  it('wait for nothing: no assertion depends on time', () => {
    const own = TESTS.filter(({ path }) => path !== 'test/tidy.test.ts');
    expect(hits(own, /expect\([^)]*(seconds|elapsed|duration)[^)]*\)\.toBe(Less|Greater)Than/i)).toEqual([]);
  });

  it('none is switched off, none runs alone', () => {
    const own = TESTS.filter(({ path }) => path !== 'test/tidy.test.ts');
    expect(hits(own, /\b(it|test|describe)\.(skip|only|todo)\b/)).toEqual([]);
  });
});

it('no file speaks of what is not part of the project', () => {
  const words = /\/work\/|\.\.\/shared|\bTODO\b|\bFIXME\b|\bXXX\b/;
  const own = [...SOURCES, ...TESTS].filter(({ path }) => path !== 'test/tidy.test.ts');
  expect(hits(own, words, (file) => file.text)).toEqual([]);
});
