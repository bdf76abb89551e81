/** Where the built page lies: `index.html` and hashed assets. Served as it is; see README. */
export const pageFolder = new URL('../dist/page/', import.meta.url)
