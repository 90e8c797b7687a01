// The caches of Go as subjects: docs/benchmarks.md has the lines that a driver is told and answers.
//
// Keys are strings and values are arrays, so that a get copies the 64 bytes out.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/ristretto/v2"
	"github.com/maypok86/otter/v2"
)

const (
	keyBytes   = 16
	entryBytes = 80
	put        = 1 << 31
)

type value = [64]byte

func valueOf(index uint32) (v value) {
	binary.LittleEndian.PutUint32(v[:], index)
	return v
}

// A cache, bounded by entries, or by bytes of keys and values when that is not 0.
type cache interface {
	get(key string) (value, bool)
	set(key string, v value)
	// Put so that the value is there afterwards, however long it takes.
	fill(key string, v value)
	settle()
	close()
}

type otterCache struct{ *otter.Cache[string, value] }

func openOtter(entries, bytes int) cache {
	options := &otter.Options[string, value]{MaximumSize: entries}
	if bytes != 0 {
		options = &otter.Options[string, value]{
			MaximumWeight: uint64(bytes),
			Weigher:       func(string, value) uint32 { return entryBytes },
		}
	}
	return otterCache{otter.Must(options)}
}

func (c otterCache) get(key string) (value, bool) { return c.GetIfPresent(key) }
func (c otterCache) set(key string, v value)      { c.Set(key, v) }
func (c otterCache) fill(key string, v value)     { c.Set(key, v) }
func (c otterCache) settle()                      { c.CleanUp() }
func (c otterCache) close()                       { c.StopAllGoroutines() }

// Ristretto puts later, in a goroutine of its own, and drops puts when that is behind.
type ristrettoCache struct {
	*ristretto.Cache[string, value]
	cost int64
}

func openRistretto(entries, bytes int) cache {
	c := ristrettoCache{cost: 1}
	config := &ristretto.Config[string, value]{
		NumCounters: int64(entries) * 10, MaxCost: int64(entries), BufferItems: 64, IgnoreInternalCost: true,
	}
	if bytes != 0 {
		c.cost = entryBytes
		config.NumCounters = int64(bytes) / entryBytes * 10
		config.MaxCost = int64(bytes)
	}
	opened, err := ristretto.NewCache(config)
	if err != nil {
		panic(err)
	}
	c.Cache = opened
	return c
}

func (c ristrettoCache) get(key string) (value, bool) { return c.Get(key) }
func (c ristrettoCache) set(key string, v value)      { c.Set(key, v, c.cost) }
func (c ristrettoCache) fill(key string, v value) {
	for !c.Set(key, v, c.cost) {
		c.Wait()
	}
}
func (c ristrettoCache) settle() { c.Wait() }
func (c ristrettoCache) close()  { c.Close() }

var open = map[string]func(entries, bytes int) cache{"otter": openOtter, "ristretto": openRistretto}

type driver struct {
	open   func(entries, bytes int) cache
	cache  cache
	keys   []string
	orders []uint32
}

func (d *driver) fill() (found int) {
	for i, key := range d.keys {
		d.cache.fill(strings.Clone(key), valueOf(uint32(i)))
	}
	d.cache.settle()
	for i, key := range d.keys {
		if v, ok := d.cache.get(key); ok && v == valueOf(uint32(i)) {
			found++
		}
	}
	return found
}

// What one thread does.
type worker struct {
	began, ended time.Time
	hits, sum    int
}

// One pass.
func replay(w *worker, c cache, keys []string, orders []uint32) {
	for _, order := range orders {
		index := order &^ put
		if order&put != 0 {
			c.set(keys[index], valueOf(index))
		} else if v, ok := c.get(keys[index]); ok {
			w.hits++
			w.sum += int(v[0])
		}
	}
}

// How goroutines begin together. One that waits for a thread to run it gets it late, and long after those
// that have theirs: so all stay on theirs until the last is there. To yield would be to hand it on.
type start struct {
	open    chan struct{}
	threads int32
	awake   atomic.Int32
}

func (s *start) together() {
	<-s.open
	s.awake.Add(1)
	for s.awake.Load() < s.threads {
	}
}

func (d *driver) run(threads, count, passes int) (ns int64, hits int) {
	workers := make([]worker, threads)
	var ready, done sync.WaitGroup
	start := start{open: make(chan struct{}), threads: int32(threads)}
	for i := range workers {
		ready.Add(1)
		done.Add(1)
		part := d.orders[count*i/threads : count*(i+1)/threads]
		go func() {
			defer done.Done()
			ready.Done()
			w := &workers[i]
			start.together()
			w.began = time.Now()
			for range passes {
				replay(w, d.cache, d.keys, part)
			}
			w.ended = time.Now()
		}()
	}
	ready.Wait()
	close(start.open)
	done.Wait()
	began, ended := workers[0].began, workers[0].ended
	for _, w := range workers {
		if w.began.Before(began) {
			began = w.began
		}
		if w.ended.After(ended) {
			ended = w.ended
		}
		hits += w.hits
	}
	return ended.Sub(began).Nanoseconds(), hits
}

func (d *driver) load(path string) (int, error) {
	text, err := os.ReadFile(path)
	d.keys = nil
	for len(text) >= keyBytes {
		d.keys = append(d.keys, string(text[:keyBytes]))
		text = text[keyBytes:]
	}
	return len(d.keys), err
}

func (d *driver) order(path string) (int, error) {
	text, err := os.ReadFile(path)
	d.orders = make([]uint32, len(text)/4)
	if err == nil {
		err = binary.Read(bytes.NewReader(text), binary.LittleEndian, d.orders)
	}
	return len(d.orders), err
}

// It collects, too.
func giveMemoryBack() { debug.FreeOSMemory() }

func (d *driver) openCache(entries, bytes int) time.Duration {
	if d.cache != nil {
		d.cache.close()
		d.cache = nil
	}
	giveMemoryBack()
	before := time.Now()
	d.cache = d.open(entries, bytes)
	return time.Since(before)
}

func (d *driver) obey(line string) (answer any, err error) {
	command, rest, _ := strings.Cut(line, " ")
	var first, second, third int
	fmt.Sscan(rest, &first, &second, &third)
	switch command {
	case "keys":
		return d.load(rest)
	case "orders":
		return d.order(rest)
	case "open":
		return d.openCache(first, second).Nanoseconds(), nil
	case "fill":
		return d.fill(), nil
	case "run":
		if first < 1 || second > len(d.orders) {
			return nil, fmt.Errorf("there are %d orders", len(d.orders))
		}
		ns, hits := d.run(first, second, third)
		return fmt.Sprint(ns, hits), nil
	case "settle":
		if d.cache != nil {
			d.cache.settle()
		}
		giveMemoryBack()
		return "", nil
	}
	return nil, fmt.Errorf("unknown command %s", command)
}

func about(name string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if strings.Contains(module.Path, "/"+name+"/") {
				return name + " " + module.Version + ", " + runtime.Version()
			}
		}
	}
	return name + ", " + runtime.Version()
}

func main() {
	if len(os.Args) < 2 || open[os.Args[1]] == nil {
		fmt.Println("error no such subject")
		os.Exit(2)
	}
	d := &driver{open: open[os.Args[1]]}
	fmt.Println("ready", about(os.Args[1]))
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if answer, err := d.obey(lines.Text()); err != nil {
			fmt.Println("error", err)
		} else {
			fmt.Println("ok", answer)
		}
	}
}
