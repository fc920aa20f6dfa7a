/** Programs that speak OpenAI's API and something of their own beside it; `openai` is any other. */
export type OpenAiProgram = 'vllm' | 'llama.cpp' | 'lm-studio' | 'tgi' | 'localai' | 'openai'

/** Names as their makers write them. */
export const PROGRAM_NAMES = {
  vllm: 'vLLM',
  'llama.cpp': 'llama.cpp server',
  'lm-studio': 'LM Studio',
  tgi: 'Text Generation Inference',
  localai: 'LocalAI',
  openai: 'OpenAI-compatible server',
  ollama: 'Ollama',
} as const satisfies Record<OpenAiProgram | 'ollama', string>

/** Where a server's own routes begin: its OpenAI routes lie under `/v1`. */
export function rootOf(baseUrl: string): string {
  return baseUrl.replace(/\/+$/u, '').replace(/\/v1$/u, '')
}
