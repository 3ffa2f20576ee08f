// Where does a browser keep it? In IndexedDB, one database a user.

import { ROOMS_MAX, surplus, VERSION, type Cache, type KeptRest, type KeptRoom } from "./cache.js";

const ROOMS = "rooms";
const REST = "rest";

/** Opens the place of a user; what another release wrote there is thrown away. */
export async function openIndexedDb(name: string): Promise<Cache> {
  const opening = indexedDB.open(name, VERSION);
  opening.onupgradeneeded = () => {
    const database = opening.result;
    for (const store of [...database.objectStoreNames]) database.deleteObjectStore(store);
    database.createObjectStore(ROOMS);
    database.createObjectStore(REST);
  };
  const database = await answer(opening);
  // Another tab wants a newer version, or to forget the user.
  database.onversionchange = () => database.close();
  return new IndexedDbCache(database);
}

class IndexedDbCache implements Cache {
  constructor(private readonly database: IDBDatabase) {}

  async rooms(): Promise<KeptRoom[]> {
    return answer(this.#store(ROOMS, "readonly").getAll() as IDBRequest<KeptRoom[]>);
  }

  async putRoom(kept: KeptRoom): Promise<void> {
    await answer(this.#store(ROOMS, "readwrite").put(kept, kept.state.room));
    // To look which are too many reads them all.
    if ((await answer(this.#store(ROOMS, "readonly").count())) <= ROOMS_MAX) return;
    for (const room of surplus(await this.rooms())) await this.dropRoom(room);
  }

  async dropRoom(room: string): Promise<void> {
    await answer(this.#store(ROOMS, "readwrite").delete(room));
  }

  async rest(): Promise<KeptRest | undefined> {
    return answer(this.#store(REST, "readonly").get(REST) as IDBRequest<KeptRest | undefined>);
  }

  async changeRest(change: (before: KeptRest | undefined) => KeptRest): Promise<void> {
    // One transaction: another tab's comes before or after it.
    const store = this.#store(REST, "readwrite");
    const before = await answer(store.get(REST) as IDBRequest<KeptRest | undefined>);
    await answer(store.put(change(before), REST));
  }

  async clear(): Promise<void> {
    await answer(this.#store(ROOMS, "readwrite").clear());
    await answer(this.#store(REST, "readwrite").clear());
  }

  #store(name: string, mode: IDBTransactionMode): IDBObjectStore {
    return this.database.transaction(name, mode).objectStore(name);
  }
}

function answer<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((done, failed) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error ?? new Error("the browser's store does not answer"));
  });
}
