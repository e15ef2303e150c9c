#!/usr/bin/env node
/** The command line: verbs and their options. What a verb does is loaded when it is called, so that help is fast. */
import { Command, CommanderError, Option } from 'commander';
import { HUNTING_BUDGET } from '../hunt/hunting-plan.ts';
import { EXIT, installInterrupts, note, status } from './exit.ts';
import { toolVersion } from './files.ts';
import { closestFirst, count, integer, namesOf, oneOf, ratio, SEED_MOST, seconds, shard, words } from './options.ts';

const CPUS = integer(1, 64);
const GRAINS = ['operations', 'preempt-1', 'preempt-2'] as const;
const TESTED = ['random', 'sticky', ...GRAINS, 'pct-1', 'pct-2', 'pct-3', 'pos', 'urw', 'surw'] as const;
const STRATEGIES = [...TESTED, 'pct-iterative', 'icb', 'icb-2', 'exhaustive', 'replay', 'small-scope'] as const;
const KINDS = ['policies', 'workloads', 'scenarios', 'bugs', 'fixes', 'points', 'labels'] as const;

const json = () => new Option('--json', 'print one JSON document');
const seed = () => new Option('--seed <n>', 'seed of every choice').argParser(integer(0, SEED_MOST)).default(1);
const out = () => new Option('--out <dir>', 'directory for findings and reports').default('out');
const cost = () => new Option('--cost <profile>', 'cost profile').default('bare-metal');
const mail = () => new Option('--mail', 'columns of at most 72 characters, CPUs by indentation');
const cpus = () => new Option('--cpus <n>', 'CPUs of the machine').argParser(CPUS);
const span = (text: string) => new Option('--seconds <s>', text).argParser(seconds(10_000_000));
const patch = () => new Option('--patch <file...>', 'patches of the kernel: plug-in files');
const drop = () => new Option('--drop <point...>', 'flush points of the policy to leave out; see list points');
const each = () => new Option('--schedules <n>', 'schedules of each part at most (default: 10000)').argParser(count);
const memory = () =>
  new Option('--memory <model>', 'sc: every store is visible at once; tso: behind store buffers')
    .argParser(oneOf('memory model', ['sc', 'tso']))
    .default('sc');
const adversary = (usual: number) =>
  new Option('--adversary <n>', 'actions of hardware on its own in each run, at most')
    .argParser(integer(0, 8))
    .default(usual);
const trace = () => new Option('--trace <file>', 'a log of strace -f to run as a workload');

const program = new Command('tlblab')
  .description('A laboratory for TLB-shootdown protocols: is a flush policy safe, and what does it save?')
  .version(toolVersion(), '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print help')
  .showHelpAfterError(false)
  .showSuggestionAfterError(false)
  .configureOutput({ writeErr: () => {} })
  .exitOverride();

verb('evaluate <policy...>', 'the whole answer: hunts, stresses, measures, writes report.html')
  .addOption(new Option('--baseline <policy>', 'what savings are relative to').default('mainline'))
  .addOption(trace())
  .addOption(new Option('--budget <s>', 'time for everything, in seconds').argParser(seconds(1_000_000)).default(60))
  .addOption(cost())
  .addOption(cpus())
  .addOption(seed())
  .addOption(out())
  .addOption(json())
  .action(async (policies, options) => done((await import('./evaluate.ts')).evaluate(policies, options)));

verb('stress <policy>', 'a truly parallel run under the oracle')
  .addOption(new Option('--workload <name>', 'a bundled workload, or a plug-in file').default('munmap-storm'))
  .addOption(span('how long').default(10))
  .addOption(new Option('--chaos <p>', 'probability of a delay at a point').argParser(ratio))
  .addOption(new Option('--audit', "between rounds, hold the policy's ledger against the machine"))
  .addOption(new Option('--no-bridge', 'keep no log: faster, but a violation is not made a finding'))
  .addOption(patch())
  .addOption(drop())
  .addOption(cpus().default(2))
  .addOption(seed())
  .addOption(out())
  .addOption(json())
  .action(async (policy, options) => done((await import('./stress.ts')).stress(policy, options)));

verb('hunt <policy>', 'looks for an interleaving that convicts: in one scenario, or in generated programs')
  .addOption(new Option('--scenario <name>', 'a bundled scenario, a .litmus or .json file, a workload'))
  .addOption(new Option('--fuzz', 'generated programs (the default without --scenario)').conflicts('scenario'))
  .addOption(
    new Option('--strategy <names>', `some of ${STRATEGIES.join(',')}`).argParser(namesOf('strategy', STRATEGIES)),
  )
  .addOption(new Option('--schedules <n>', 'schedules at most (default: 20000 in a scenario)').argParser(count))
  .addOption(span('time at most (default: 30 for generated programs)'))
  .addOption(new Option('--findings <n>', 'stop after so many findings').argParser(integer(1, 1000)).default(1))
  .addOption(
    new Option('--corpus <dir>', 'keep what showed something new there, and go on where a killed hunt was').conflicts(
      'scenario',
    ),
  )
  .addOption(
    new Option('--feedback', 'make programs from those of the corpus, too, that showed something new').conflicts(
      'scenario',
    ),
  )
  .addOption(patch())
  .addOption(drop())
  .addOption(
    new Option(
      '--no-directed',
      'with patches, hunt as if there were none: not after what they changed, but after anything',
    ),
  )
  .addOption(
    new Option(
      '--luf-debug <mode>',
      "count what the debug mode and the policy's audit see: MECHANISM[:READING], or all",
    ),
  )
  .addOption(new Option('--strict', 'convict windows too'))
  .addOption(memory())
  .addOption(adversary(HUNTING_BUDGET.actions))
  .addOption(cpus())
  .addOption(seed())
  .addOption(out())
  .addOption(mail())
  .addOption(json())
  .action(async (policy, options) => done((await import('./hunt.ts')).hunt(policy, options)));

verb('survey <policy...>', 'scenarios against policies, one Markdown table of verdicts')
  .addOption(
    new Option('--scenarios <names>', 'bundled scenarios, separated by commas (default: all)').argParser(words),
  )
  .addOption(
    new Option('--schedules <n>', 'schedules at most, for each scenario and policy').argParser(count).default(2000),
  )
  .addOption(
    new Option('--bugs [names]', 'instead of scenarios, bundled bugs (default: all), each hunted blind and by strategy')
      .argParser(words)
      .preset('all'),
  )
  .addOption(new Option('--seeds <n>', 'blind hunts for each bug').argParser(integer(1, 1000)).default(20))
  .addOption(span('time of each hunt for a bug at most').default(60))
  .addOption(new Option('--luf-debug', 'what the mechanisms of the debug mode catch, and their false alarms'))
  .addOption(seed())
  .addOption(out())
  .addOption(json())
  .action(async (policies, options) => done((await import('./survey.ts')).survey(policies, options)));

verb('ablate <policy>', 'drops each flush point in turn: which harm, and how soon')
  .addOption(each())
  .addOption(span('time of each part at most'))
  .addOption(seed())
  .addOption(out())
  .addOption(json())
  .action(async (policy, options) => done((await import('./ablate.ts')).ablate(policy, options)));

verb('synthesise', 'finds a sufficient set of flush points of which none can go')
  .addOption(new Option('--base <policy>', 'the policy whose points are tried').default('luf-v11'))
  .addOption(new Option('--from <points>', 'none, or points to begin with').argParser(points).default([], 'none'))
  .addOption(each())
  .addOption(span('time of each part at most'))
  .addOption(seed())
  .addOption(out())
  .addOption(json())
  .action(async (options) => done((await import('./synthesise.ts')).synthesise(options)));

verb('verify <policy>', 'visits every reachable state of a scenario; goes on where it was stopped')
  .addOption(new Option('--scenario <name>', 'a bundled scenario, a .litmus or .json file, a workload'))
  .addOption(new Option('--all-programs', 'all programs of --ops operations instead').conflicts('scenario'))
  .addOption(new Option('--ops <n>', 'operations of both CPUs together').argParser(integer(2, 8)).default(2))
  .addOption(
    new Option('--shard <i/n>', 'one part of n of all programs').argParser(shard).default({ number: 1, of: 1 }, '1/1'),
  )
  .addOption(adversary(0))
  .addOption(new Option('--runs <n>', 'runs at most').argParser(count).default(2 ** 31 - 1, 'no limit'))
  .addOption(span('time at most (default: no limit)'))
  .addOption(patch())
  .addOption(drop())
  .addOption(new Option('--strict', 'convict windows too'))
  .addOption(memory())
  .addOption(cpus())
  .addOption(seed())
  .addOption(out())
  .addOption(mail())
  .addOption(json())
  .action(async (policy, options) => done((await import('./verify.ts')).verify(policy, options)));

verb('replay <file>', 'runs a finding again and prints its columns')
  .addOption(mail())
  .addOption(json())
  .action(async (file, options) => done((await import('./replay.ts')).replay(file, options)));

verb('shrink <file>', 'a smaller program with the same harm')
  .addOption(out())
  .addOption(mail())
  .addOption(json())
  .action(async (file, options) => done((await import('./shrink.ts')).shrink(file, options)));

verb('measure', 'counters of policies side by side, in simulated time')
  .addOption(new Option('--workload <name>', 'a bundled workload, or a plug-in file').conflicts('trace'))
  .addOption(trace())
  .addOption(
    new Option('--policies <names>', 'policies, separated by commas; with patches: luf-v11+v11-atomic').default(
      'eager,mainline',
    ),
  )
  .addOption(new Option('--table', 'one line of a Markdown table for each policy').conflicts('json'))
  .addOption(new Option('--seeds <n>', 'runs with different seeds').argParser(integer(1, 1000)).default(3))
  .addOption(cost())
  .addOption(cpus())
  .addOption(seed())
  .addOption(json())
  .action(async (options) => done((await import('./measure.ts')).measure(options)));

verb('selftest', 'strategies against their exact chances: expected, seen, standard deviations')
  .addOption(new Option('--program <file>', 'a tiny program of your own'))
  .addOption(new Option('--strategy <names>', `some of ${TESTED.join(',')}`).argParser(namesOf('strategy', TESTED)))
  .addOption(
    new Option('--runs <n>', 'runs per program and strategy (default: 20000)').argParser(integer(1, 10_000_000)),
  )
  .addOption(
    new Option('--suite <file>', 'the emulated hardware against a litmus suite instead').conflicts([
      'program',
      'strategy',
      'runs',
    ]),
  )
  .addOption(memory())
  .addOption(seed())
  .addOption(json())
  .action(async (options) => {
    if (options.suite === undefined) return done((await import('./selftest.ts')).selftest(options));
    return done((await import('./selftest-suite.ts')).selftestSuite(options.suite, options));
  });

verb('list [kind]', `names of everything, one line each: ${KINDS.join(', ')}`)
  .addOption(json())
  .action(async (kind, options) => done((await import('./list.ts')).list(kind, options)));

verb('doctor', 'what this machine offers, and how to record a trace')
  .addOption(json())
  .action(async (options) => done((await import('./doctor.ts')).doctor(options)));

function points(text: string): string[] {
  return text === 'none' ? [] : text.split(',');
}

function verb(usage: string, says: string): Command {
  return program
    .command(usage)
    .description(says)
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
}

/** Ends at once when the verb is done, whatever still runs behind it. */
async function done(code: Promise<number>): Promise<void> {
  const result = await code;
  status('');
  process.exit(result);
}

installInterrupts();
program.parseAsync().then(
  () => {
    // no verb: help was printed
  },
  (error: unknown) => {
    status('');
    process.exit(failed(error));
  },
);

function failed(error: unknown): number {
  if (error instanceof CommanderError) return misused(error);
  const e = error instanceof Error ? error : new Error(String(error));
  if (['BadInput', 'UsageError', 'GeometryError', 'DefinitionError'].includes(e.name)) {
    note(`tlblab: ${e.message.split('\n')[0]}`);
    return EXIT.input;
  }
  note(`tlblab: tool error: ${e.name === 'ToolError' ? e.message : (e.stack ?? e.message)}`);
  return EXIT.tool;
}

/** One line for what the parser of the command line found. */
function misused(error: CommanderError): number {
  if (error.exitCode === 0) return EXIT.clean;
  const verbs = program.commands.map((c) => c.name());
  const here = program.commands.find((c) => c.name() === process.argv[2]);
  const name = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  const message = error.message
    .replace(/^error: /, '')
    .replaceAll("'", '"')
    .split('\n')[0];
  const plain = message.replace(/\.$/, '');
  if (error.code === 'commander.unknownCommand') {
    note(`tlblab: unknown verb "${name}"; expected ${closestFirst(name, verbs).join(', ')}`);
  } else if (error.code === 'commander.unknownOption') {
    const known = (here ?? program).options.map((o) => o.long ?? '').concat('--help');
    note(`tlblab: unknown option "${name}"; expected ${closestFirst(name, known).join(', ')}`);
  } else if (error.code === 'commander.help') {
    note(`tlblab: no verb; expected ${verbs.join(', ')}`);
  } else {
    note(`tlblab: ${here ? `${here.name()}: ` : ''}${plain}`);
  }
  return EXIT.input;
}
