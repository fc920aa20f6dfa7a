export type Toast = {
  readonly id: number
  readonly tone: 'verified' | 'error' | 'neutral'
  readonly text: string
}

/** Long enough to read a short sentence twice; errors stay until they are put away. */
const shownMs = 6_000

class Toasts {
  list = $state.raw<readonly Toast[]>([])
  #next = 1

  show(text: string, tone: Toast['tone'] = 'neutral'): void {
    const toast = { id: this.#next++, tone, text }
    this.list = [...this.list, toast]
    if (tone !== 'error') setTimeout(() => this.close(toast.id), shownMs)
  }

  close(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id)
  }
}

/** What has just happened, in the corner of the page. */
export const toasts = new Toasts()
