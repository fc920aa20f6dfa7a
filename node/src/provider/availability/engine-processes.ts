import type { ProcessFacts } from '../../machine/lineage.ts'

interface Marks {
  /** Names that the engine's processes give themselves. */
  readonly comm: RegExp
  /** The program, or the script or module that an interpreter runs. */
  readonly program: RegExp
}

/** By the names of engines, as providers know them. An engine that is not here cannot be told from other programs. */
const ENGINES: Readonly<Record<string, Marks>> = {
  ollama: { comm: /^ollama/u, program: /(?:^|\/)ollama(?:_llama_server|-runner)?(?:\.exe)?$/u },
  vllm: { comm: /^vllm|^VLLM::|^ray::/u, program: /(?:^|\/)vllm$|^vllm\.|\/vllm\//u },
  'llama.cpp': {
    comm: /^llama-(?:server|box)/u,
    program: /(?:^|\/)llama-(?:server|box)$|\/llama\.cpp\/.*server$/u,
  },
  tgi: {
    comm: /^text-generation/u,
    program: /(?:^|\/)text-generation-(?:launcher|server|router)$|^text_generation_server/u,
  },
  'lm-studio': { comm: /^(?:lm-studio|LM Studio|lms$)/u, program: /\/\.?lm-?studio\//iu },
  localai: { comm: /^local-ai/u, program: /(?:^|\/)local-ai$|\/local-?ai\//iu },
}

/** The engine that this program's own workers run. */
const BUILT_IN = 'builtin'

/** Whether processes can be told apart while these engines are on offer. */
export function areRecognizable(engines: readonly string[]): boolean {
  return engines.every((name) => name === BUILT_IN || Object.hasOwn(ENGINES, name))
}

/**
 * Whether a process serves these engines, or this node: it, or a process that it descends from, is one of them.
 *
 * @param lineage the process, its parent, and so on
 */
export function servesEngines(
  lineage: readonly ProcessFacts[],
  engines: readonly string[],
  self: number,
): boolean {
  const marks = engines.flatMap((name) => ENGINES[name] ?? [])
  return lineage.some(
    (process) =>
      process.pid === self ||
      marks.some(
        ({ comm, program }) =>
          comm.test(process.comm) || programsOf(process).some((named) => program.test(named)),
      ),
  )
}

/** What runs, never what it is told: an argument may name anything. */
function programsOf({ argv: [program = '', ...rest] }: ProcessFacts): readonly string[] {
  if (!/(?:^|\/)(?:python|node)[\d.]*$/u.test(program)) return [program]
  const module = rest.indexOf('-m')
  const script = rest.find((argument) => !argument.startsWith('-'))
  // An interpreter's own options come first; `-m` ends them.
  return module !== -1 && module < rest.indexOf(script ?? '')
    ? [program, rest[module + 1] ?? '']
    : [program, script ?? '']
}
