/**
 * JSON as it travels: plain data plus bytes, which JSON cannot say. Bytes become
 * `{"$bytes": "<base64>"}`; a real object of that look gets one more `$`, so nothing is ambiguous.
 */
export function toJson(value: unknown): string {
  return JSON.stringify(value, replace)
}

/** Throws `SyntaxError` on what is not JSON, or on `$bytes` that are not base64. */
export function fromJson(text: string): unknown {
  return JSON.parse(text, revive)
}

/** `this` holds the value as it was before its own `toJSON`: a Buffer would spell itself out. */
function replace(this: Record<string, unknown>, key: string, value: unknown): unknown {
  const raw = this[key]
  if (raw instanceof Uint8Array) return { $bytes: base64Of(raw) }
  const field = bytesField(value)
  return field === undefined ? value : { [`$${field.name}`]: field.value }
}

function revive(_key: string, value: unknown): unknown {
  const field = bytesField(value)
  if (field === undefined) return value
  if (field.name === '$bytes' && typeof field.value === 'string') return bytesOf(field.value)
  return { [field.name.slice(1)]: field.value }
}

/** The field of an object that has one only, named `$bytes`, `$$bytes` and so on. */
function bytesField(value: unknown): { name: string; value: unknown } | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const names = Object.keys(value)
  const name = names[0]
  if (names.length !== 1 || name === undefined || !/^\$+bytes$/.test(name)) return undefined
  return { name, value: (value as Record<string, unknown>)[name] } // an object that has this key
}

function base64Of(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 4096) {
    text += String.fromCharCode(...bytes.subarray(at, at + 4096))
  }
  return btoa(text)
}

function bytesOf(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
  } catch (cause) {
    throw new SyntaxError('$bytes is not base64', { cause })
  }
}
