/** The last so many values asked for: a memory that outsiders' texts cannot make grow. */
export class Lru<Value> {
  readonly #limit: number;
  readonly #values = new Map<string, Value>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#values.size;
  }

  get(key: string, make: () => Value): Value {
    const known = this.#values.get(key);
    if (known !== undefined) {
      // A map keeps the order of insertion: what was used last goes to its end.
      this.#values.delete(key);
      this.#values.set(key, known);
      return known;
    }
    const made = make();
    this.#values.set(key, made);
    if (this.#values.size > this.#limit) this.#values.delete(this.#values.keys().next().value ?? key);
    return made;
  }
}
