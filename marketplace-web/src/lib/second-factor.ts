import { ApiError } from './api.ts'

/** Whether a sign-in needs one more thing: the same again, with a code. */
export const wantsSecondFactor = (error: unknown): boolean =>
  error instanceof ApiError && error.code === 'HANSE_SECOND_FACTOR'

/** Without what was left empty. */
export const given = (code: string, recoveryCode: string) => ({
  ...(code.trim() !== '' && { code: code.trim() }),
  ...(recoveryCode.trim() !== '' && { recoveryCode: recoveryCode.trim() }),
})
