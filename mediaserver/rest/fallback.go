package rest

import "github.com/alexacall/alexacall/mediaserver/wire"

func listFallbacks(x *exchange) (*wire.Answer, error) {
	if x.Fallbacks == nil {
		return nil, errNoStore
	}
	ctx, cancel := x.limit()
	defer cancel()
	numbers, err := x.Fallbacks.List(ctx, x.domain)
	if err != nil {
		return nil, err
	}
	if numbers == nil {
		numbers = []string{} // "data" is there though there are none
	}
	return &wire.Answer{Numbers: numbers}, nil
}

func getFallback(x *exchange) (*wire.Answer, error) {
	if x.Fallbacks == nil {
		return nil, errNoStore
	}
	ctx, cancel := x.limit()
	defer cancel()
	f, err := x.Fallbacks.Get(ctx, x.domain, x.param)
	if err != nil {
		return nil, err
	}
	return &wire.Answer{Fallback: f}, nil
}

func postFallback(x *exchange) (*wire.Answer, error) {
	if x.Fallbacks == nil {
		return nil, errNoStore
	}
	data, err := x.document()
	if err != nil {
		return nil, err
	}
	f, unknown, err := wire.ParseFallback(data)
	if err != nil {
		return nil, err
	}
	x.note(unknown)
	ctx, cancel := x.limit()
	defer cancel()
	return &wire.Answer{}, x.Fallbacks.Put(ctx, x.domain, x.param, f)
}

func deleteFallback(x *exchange) (*wire.Answer, error) {
	if x.Fallbacks == nil {
		return nil, errNoStore
	}
	ctx, cancel := x.limit()
	defer cancel()
	return &wire.Answer{}, x.Fallbacks.Delete(ctx, x.domain, x.param)
}
