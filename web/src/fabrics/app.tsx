/** The fabrics page: the scanner and the book. Owns which of the two is shown (the address says it) and the admin key. */
import { useCallback, useEffect, useRef, useState } from "react";
import { AdminProvider } from "./admin";
import { Book } from "./book/book";
import { Scanner } from "./parts/scanner";

type Place = { at: "scan"; id: string | null } | { at: "book" };

export function readPlace(hash: string): Place {
  const [at, id] = hash.replace(/^#\/?/, "").split("/");
  return at === "book" ? { at } : { at: "scan", id: id ? decodeURIComponent(id) : null };
}

export function App() {
  const [place, setPlace] = useState(() => readPlace(window.location.hash));
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    const follow = () => setPlace(readPlace(window.location.hash));
    window.addEventListener("hashchange", follow);
    return () => window.removeEventListener("hashchange", follow);
  }, []);
  useEffect(() => {
    document.title = place.at === "book" ? "The book · Fabrics" : "Scan a cloth · Fabrics";
  }, [place.at]);
  const opened = useCallback((id: string | null) => {
    // The address names the scan, so that it is there again after a reload; going back does not replay every scan.
    window.history.replaceState(null, "", id ? `#scan/${encodeURIComponent(id)}` : "#scan");
  }, []);

  return (
    <AdminProvider>
      <a className="skip" href="#main" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        Skip to the content
      </a>
      <header className="masthead">
        <p className="mark">Fabrics</p>
        <nav aria-label="Page">
          <a href="#scan" aria-current={place.at === "scan" ? "page" : undefined}>
            Scan a cloth
          </a>
          <a href="#book" aria-current={place.at === "book" ? "page" : undefined}>
            The book
          </a>
          <a href="/kiosk/">Kiosk</a>
        </nav>
      </header>
      <main ref={main} tabIndex={-1}>
        {/* What was begun stays there while one looks something up in the book. */}
        <div hidden={place.at !== "scan"}>
          <Scanner opens={place.at === "scan" ? place.id : null} onOpened={opened} shown={place.at === "scan"} />
        </div>
        {place.at === "book" && <Book />}
      </main>
    </AdminProvider>
  );
}
